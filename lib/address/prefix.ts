import { type IpAddress, isIpv4, isOrdinary } from "./ip_address.ts";
import { Ipv4Prefix, parseIpv4Prefix } from "./ipv4_prefix.ts";
import { Ipv6Prefix, parseIpv6Prefix } from "./ipv6_prefix.ts";

/** A network of either version. */
export type Prefix = Ipv4Prefix | Ipv6Prefix;

/** The network of a length that an address is in. @throws {RangeError} if the length is none */
export function prefixOf(address: IpAddress, length: number): Prefix {
  return isIpv4(address) ? new Ipv4Prefix(address, length) : new Ipv6Prefix(address, length);
}

/** Reads a network of either version. @throws {SyntaxError} */
export function parsePrefix(text: string): Prefix {
  return text.includes(":") ? parseIpv6Prefix(text) : parseIpv4Prefix(text);
}

export function isIpv4Prefix(prefix: Prefix): prefix is Ipv4Prefix {
  return prefix instanceof Ipv4Prefix;
}

export function isIpv6Prefix(prefix: Prefix): prefix is Ipv6Prefix {
  return prefix instanceof Ipv6Prefix;
}

/** Whether an address lies in a network, which one of the other version never does. */
export function isWithin(prefix: Prefix, address: IpAddress): boolean {
  if (isIpv4Prefix(prefix)) return isIpv4(address) && prefix.contains(address);
  return !isIpv4(address) && prefix.contains(address);
}

/** Whether all addresses of a network lie in another one, or the same. */
export function isPartOf(part: Prefix, whole: Prefix): boolean {
  return part.length >= whole.length && isWithin(whole, part.first);
}

/** Length of the block at the beginning of all addresses that are no host's (0.0.0.0/8, ::/64). */
const FIRST_BLOCK_LENGTHS = { ipv4: 8, ipv6: 64 } as const;

/** Whether hosts may have addresses in a network: whether any of it is ordinary (@see {isOrdinary}). */
export function hasOrdinary(prefix: Prefix): boolean {
  const { first, length } = prefix;
  const isBeginning = isIpv4(first) ? first === 0 : first.every((word) => word === 0);
  // A shorter one reaches beyond that block; no other such block begins where a longer one does.
  if (isBeginning) return length < FIRST_BLOCK_LENGTHS[isIpv4(first) ? "ipv4" : "ipv6"];
  return isOrdinary(first);
}

/** Whether packets can be routed to a network: it has ordinary addresses, and is not everything. */
export function isRoutable({ first, length }: Prefix): boolean {
  return length > 0 && isOrdinary(first);
}

/** Whether two networks have addresses in common, which those of different versions never have. */
export function haveOverlap(one: Prefix, other: Prefix): boolean {
  if (isIpv4Prefix(one)) return isIpv4Prefix(other) && one.overlaps(other);
  return isIpv6Prefix(other) && one.overlaps(other);
}
