import { ipVersion } from "../packet/ipv4.ts";
import { isIpv6Multicast } from "../packet/ipv6.ts";
import { DropReason } from "./counters.ts";

/**
 * Why something that is not a whole IPv4 packet may not enter a tunnel. Addresses are IPv4 ones so
 * far, so no IPv6 source is anybody's own; but what a kernel sends to IPv6 groups by itself, as soon
 * as an interface is up, is not to look like somebody lying about his address.
 */
export function reasonAgainst(bytes: Uint8Array, offset: number, length: number): DropReason {
  if (isIpv6Multicast(bytes, offset, length)) return DropReason.Multicast;
  return ipVersion(bytes, offset) === 6 ? DropReason.SourceAddress : DropReason.Malformed;
}
