import { formatIpv4, isLoopback, isMulticast, parseIpv4 } from "./ipv4_address.ts";
import {
  formatIpv6,
  type Ipv6Address,
  ipv6Bytes,
  isIpv6HostOnly,
  isIpv6LinkLocal,
  isIpv6Multicast,
  parseIpv6,
  readIpv6,
} from "./ipv6_address.ts";

/** An address of either version: an IPv4 one is a number, an IPv6 one four. */
export type IpAddress = number | Ipv6Address;

export function isIpv4(address: IpAddress): address is number {
  return typeof address === "number";
}

/** Reads the text of an address of either version. @throws {SyntaxError} */
export function parseAddress(text: string): IpAddress {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Canonical text of an address. */
export function formatAddress(address: IpAddress): string {
  return isIpv4(address) ? formatIpv4(address) : formatIpv6(ipv6Bytes(address));
}

/** The 4 or 16 bytes of an address in network order. */
export function addressBytes(address: IpAddress): Uint8Array {
  if (!isIpv4(address)) return ipv6Bytes(address);
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
}

/** The address that 4 or 16 bytes are. @throws {RangeError} if there are as many of neither */
export function addressOfBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 16) return readIpv6(bytes);
  if (bytes.length !== 4) throw new RangeError(`An address has 4 or 16 bytes, not ${bytes.length}`);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

/**
 * Whether hosts on networks may have an address: it is not multicast, loopback, reserved (0.0.0.0/8,
 * 240.0.0.0/4), or for IPv6 link-local.
 */
export function isOrdinary(address: IpAddress): boolean {
  if (isIpv4(address)) {
    return !isMulticast(address) && !isLoopback(address) && address >>> 24 !== 0 &&
      address >>> 28 !== 15;
  }
  const bytes = ipv6Bytes(address);
  return !isIpv6Multicast(bytes, 0) && !isIpv6LinkLocal(bytes, 0) && !isIpv6HostOnly(bytes, 0);
}
