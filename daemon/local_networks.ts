import { parseIpv4 } from "../lib/address/ipv4_address.ts";
import { Prefix } from "../lib/address/prefix.ts";

/** An IPv4 address of one of this machine's interfaces. */
export interface LocalAddress {
  interface: string;
  address: number;
  prefix: Prefix;
}

/** This machine's IPv4 addresses. */
export function localAddresses(): LocalAddress[] {
  return Deno.networkInterfaces().filter(({ family }) => family === "IPv4")
    .map(({ name, address, netmask }) => ({
      interface: name,
      address: parseIpv4(address),
      prefix: new Prefix(parseIpv4(address), prefixLength(parseIpv4(netmask))),
    }));
}

/**
 * The first of `addresses` that gets in the way of a tunnel to `network`: one that lies in it, or
 * whose own network takes traffic away from it. A network that merely contains the tunnel's does
 * not, since the longer prefix wins.
 */
export function findConflict(
  network: Prefix,
  addresses: readonly LocalAddress[],
): LocalAddress | undefined {
  return addresses.find(({ address, prefix }) =>
    network.contains(address) || (prefix.overlaps(network) && prefix.length >= network.length)
  );
}

/** Host names or addresses of this machine that others may reach it at, IPv4 ones first. */
function reachableAddresses(): string[] {
  return Deno.networkInterfaces()
    .filter(({ address, family }) =>
      family === "IPv4" ? !address.startsWith("127.") : !/^(::1$|fe80:)/i.test(address)
    )
    .toSorted((a, b) => a.family.localeCompare(b.family))
    .map(({ address }) => address);
}

/** What a server can listen on but no client can connect to. */
const WILDCARDS = ["0.0.0.0", "::"];

/** What clients can name a server by that listens there; on all addresses if undefined. */
export function hostsFor(listen: string | undefined): string[] {
  if (listen !== undefined && !WILDCARDS.includes(listen)) return [listen];
  return reachableAddresses().filter((host) => listen !== "0.0.0.0" || !host.includes(":"));
}

function prefixLength(netmask: number): number {
  return Math.clz32(~netmask);
}
