import { addSum, complement, readUint16, writeUint16 } from "./checksum.ts";
import { copyBytes } from "./copy_bytes.ts";
import { writeUint32 } from "./ipv4.ts";
import { IPV6_HEADER_LENGTH, IPV6_LEAST_MTU, IPV6_PAYLOAD_LENGTH, Ipv6Payload } from "./ipv6.ts";

/** Protocol numbers (IANA). */
const FRAGMENT = 44;
const ICMPV6 = 58;

const ICMPV6_HEADER_LENGTH = 8;
const FRAGMENT_HEADER_LENGTH = 8;
const PACKET_TOO_BIG = 2;
/** Types below are errors (RFC 4443, 2.1). */
const FIRST_INFORMATIONAL = 128;
const REDIRECT = 137;

const HOP_LIMIT = 64;

const VERSION = 0;
const NEXT_HEADER = 6;
const HOP_LIMIT_AT = 7;
const SOURCE = 8;
const DESTINATION = 24;
const ADDRESS_LENGTH = 16;
const CHECKSUM = 2;
const MTU = 4;

/** Longest message that is made here: as much as passes any link. */
export const MAX_ICMPV6_ERROR = IPV6_LEAST_MTU;

const payload = new Ipv6Payload();

/**
 * Writes the "packet too big" message (RFC 4443, 3.2) about a whole IPv6 packet of `length` bytes at
 * `offset` to `target` at `at`. It comes from where the packet was to go, as that of IPv4 does.
 *
 * @param mtu the length of packets that do pass
 * @returns the message's length; 0 if no error may be sent about this packet
 */
export function writePacketTooBig(
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  mtu: number,
): number {
  if (!hasOneSender(bytes, offset + SOURCE) || isError(bytes, offset, length)) return 0;
  const quoted = Math.min(length, MAX_ICMPV6_ERROR - IPV6_HEADER_LENGTH - ICMPV6_HEADER_LENGTH);
  const size = IPV6_HEADER_LENGTH + ICMPV6_HEADER_LENGTH + quoted;
  const icmp = at + IPV6_HEADER_LENGTH;
  target.fill(0, at, icmp + ICMPV6_HEADER_LENGTH);
  target[at + VERSION] = 0x60;
  writeUint16(target, at + IPV6_PAYLOAD_LENGTH, size - IPV6_HEADER_LENGTH);
  target[at + NEXT_HEADER] = ICMPV6;
  target[at + HOP_LIMIT_AT] = HOP_LIMIT;
  copyBytes(target, at + SOURCE, bytes, offset + DESTINATION, ADDRESS_LENGTH);
  copyBytes(target, at + DESTINATION, bytes, offset + SOURCE, ADDRESS_LENGTH);
  target[icmp] = PACKET_TOO_BIG;
  writeUint32(target, icmp + MTU, mtu);
  copyBytes(target, icmp + ICMPV6_HEADER_LENGTH, bytes, offset, quoted);
  writeUint16(target, icmp + CHECKSUM, complement(sumOf(target, at, size)));
  return size;
}

/** The sum of the pseudo-header (RFC 8200, 8.1) and the message. */
function sumOf(bytes: Uint8Array, at: number, size: number): number {
  const length = size - IPV6_HEADER_LENGTH;
  const addresses = addSum(bytes, at + SOURCE, 2 * ADDRESS_LENGTH, length + ICMPV6);
  return addSum(bytes, at + IPV6_HEADER_LENGTH, length, addresses);
}

/** Whether the address is that of one node: neither "::" nor a group (RFC 4443, 2.4 e.6). */
function hasOneSender(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] === 0xff) return false;
  for (let i = 0; i < ADDRESS_LENGTH; i++) if (bytes[at + i] !== 0) return true;
  return false;
}

/** Whether it is an ICMPv6 error, or a redirect, about which no error may be sent (RFC 4443, 2.4 e). */
function isError(bytes: Uint8Array, offset: number, length: number): boolean {
  // What nobody can step through may hold one.
  if (!payload.set(bytes, offset, length)) return true;
  let { protocol, start } = payload;
  if (protocol === FRAGMENT) {
    if (start + FRAGMENT_HEADER_LENGTH > length) return true;
    protocol = bytes[offset + start]!;
    // All fragments but the first hold no header that could be looked at.
    if (readUint16(bytes, offset + start + 2) >> 3 !== 0) return false;
    start += FRAGMENT_HEADER_LENGTH;
  }
  if (protocol !== ICMPV6) return false;
  const type = start < length ? bytes[offset + start]! : 0;
  return type < FIRST_INFORMATIONAL || type === REDIRECT;
}
