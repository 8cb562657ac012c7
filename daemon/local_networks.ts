import { type IpAddress, parseAddress } from "../lib/address/ip_address.ts";
import { haveOverlap, isWithin, type Prefix, prefixOf } from "../lib/address/prefix.ts";

/** An address of one of this machine's interfaces, and the network that the interface has by it. */
export interface LocalAddress {
  interface: string;
  address: IpAddress;
  prefix: Prefix;
}

/** This machine's addresses. */
export function localAddresses(): LocalAddress[] {
  return Deno.networkInterfaces().map(({ name, address: text, cidr }) => {
    const address = parseAddress(text);
    return { interface: name, address, prefix: prefixOf(address, Number(cidr.split("/")[1])) };
  });
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
    isWithin(network, address) ||
    (haveOverlap(prefix, network) && prefix.length >= network.length)
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
