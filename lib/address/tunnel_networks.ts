import type { IpAddress } from "./ip_address.ts";
import type { Ipv4Prefix } from "./ipv4_prefix.ts";
import { type Ipv6Address, readIpv6 } from "./ipv6_address.ts";
import { Ipv6Prefix } from "./ipv6_prefix.ts";
import { isIpv4Prefix, type Prefix } from "./prefix.ts";

/** The networks that the addresses of a tunnel are in. */
export interface TunnelNetworks {
  network: Ipv4Prefix;
  /** None if the tunnel carries IPv4 alone. It has room for as many hosts as `network`. */
  network6?: Ipv6Prefix | undefined;
}

/** Whether an IPv6 network has an address for each host of an IPv4 one. */
export function hasRoomFor(network6: Ipv6Prefix, network: Ipv4Prefix): boolean {
  return 128 - network6.length >= 32 - network.length;
}

/**
 * The IPv6 address of whoever has an IPv4 address of a tunnel: the one of the same number in its own
 * network, so that nobody has to remember it. With 10.0.0.0/16 and fd00::/64 it is fd00::102 for
 * 10.0.1.2. Undefined if there is none.
 */
export function ipv6Beside(
  address: number,
  { network, network6 }: TunnelNetworks,
): Ipv6Address | undefined {
  return network.contains(address) ? network6?.host(address - network.first) : undefined;
}

/** All addresses of whoever has an IPv4 address of a tunnel. */
export function addressesBeside(address: number, networks: TunnelNetworks): IpAddress[] {
  const address6 = ipv6Beside(address, networks);
  return address6 === undefined ? [address] : [address, address6];
}

/** Those of some networks that packets are carried to: none of IPv6 if the tunnel carries IPv4 alone. */
export function carriedPrefixes(
  prefixes: readonly Prefix[],
  { network6 }: TunnelNetworks,
): Prefix[] {
  return prefixes.filter((prefix) => isIpv4Prefix(prefix) || network6 !== undefined);
}

/** Bytes of a global identifier (RFC 4193, 3.1). */
export const GLOBAL_ID_LENGTH = 5;

/** The first /64 of the unique local networks with a global identifier, which is random (RFC 4193, 3). */
export function uniqueLocalNetwork(globalId: Uint8Array): Ipv6Prefix {
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  bytes.set(globalId.subarray(0, GLOBAL_ID_LENGTH), 1);
  return new Ipv6Prefix(readIpv6(bytes), 64);
}
