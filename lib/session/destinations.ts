import {
  isLoopback,
  isMulticast,
  LIMITED_BROADCAST,
  UNSPECIFIED,
} from "../address/ipv4_address.ts";
import { isIpv6HostOnly, isIpv6LinkLocal, isIpv6Multicast } from "../address/ipv6_address.ts";
import { DropReason } from "./counters.ts";

/** Why nothing that is sent to this IPv4 address may pass a tunnel, if so. */
export function reasonAgainstIpv4(destination: number): DropReason | undefined {
  if (isMulticast(destination) || destination === LIMITED_BROADCAST) return DropReason.Multicast;
  return isLoopback(destination) || destination === UNSPECIFIED
    ? DropReason.DestinationAddress
    : undefined;
}

/**
 * Why nothing that is sent to the IPv6 address at `at` may pass a tunnel, if so. What a kernel sends by
 * itself as soon as an interface is up, from its link-local address, is multicast.
 */
export function reasonAgainstIpv6(bytes: Uint8Array, at: number): DropReason | undefined {
  if (isIpv6Multicast(bytes, at)) return DropReason.Multicast;
  return isIpv6LinkLocal(bytes, at) || isIpv6HostOnly(bytes, at)
    ? DropReason.DestinationAddress
    : undefined;
}
