/**
 * What joining packets to super-packets looks at in their IP headers, whatever they carry: what GRO in
 * the kernel does (inet_gro_receive() and ipv6_gro_receive()).
 */
import { fold, readUint16, writeUint16 } from "./checksum.ts";
import { IPV4_HEADER_LENGTH, IPV4_MAX_LENGTH, ipVersion } from "./ipv4.ts";
import { IPV6_HEADER_LENGTH, IPV6_PAYLOAD_LENGTH } from "./ipv6.ts";

const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FLAGS = 6;
const DONT_FRAGMENT = 0x40;
const HEADER_CHECKSUM = 10;

/** Longest super-packet: as much as a frame of the tunnel carries, of either version. */
export const MAX_TRAIN_LENGTH = IPV4_MAX_LENGTH;

/** Length of the IP header of a packet that can join another: one without options or extension headers. */
export function plainHeaderLength(bytes: Uint8Array, offset: number): number {
  return ipVersion(bytes, offset) === 6 ? IPV6_HEADER_LENGTH : IPV4_HEADER_LENGTH;
}

/** Whether the IP header says that the packet has `length` bytes. */
export function saysLength(bytes: Uint8Array, offset: number, length: number): boolean {
  return ipVersion(bytes, offset) === 6
    ? readUint16(bytes, offset + IPV6_PAYLOAD_LENGTH) === length - IPV6_HEADER_LENGTH
    : readUint16(bytes, offset + TOTAL_LENGTH) === length;
}

/**
 * Whether the IP header of the packet at `offset` goes on that of `count` packets which are one by now,
 * at `at` of `head`: all is alike that segments of one super-packet have in common. That of IPv6 is
 * everything but the length, so flow label, traffic class and hop limit as well.
 */
export function continuesHeader(
  head: Uint8Array,
  at: number,
  count: number,
  bytes: Uint8Array,
  offset: number,
): boolean {
  const isIpv6 = ipVersion(head, at) === 6;
  const isAlike = isIpv6
    ? areAlike(head, at, bytes, offset, 0, IPV6_PAYLOAD_LENGTH) &&
      areAlike(head, at, bytes, offset, IPV6_PAYLOAD_LENGTH + 2, IPV6_HEADER_LENGTH)
    : areAlike(head, at, bytes, offset, 0, TOTAL_LENGTH) &&
      areAlike(head, at, bytes, offset, FLAGS, HEADER_CHECKSUM) &&
      areAlike(head, at, bytes, offset, HEADER_CHECKSUM + 2, IPV4_HEADER_LENGTH);
  if (!isAlike) return false;
  // Of packets that are never fragmented the identification means nothing (RFC 6864, 4.1).
  if (isIpv6 || (bytes[offset + FLAGS]! & DONT_FRAGMENT) !== 0) return true;
  const next = readUint16(head, at + IDENTIFICATION) + count;
  return readUint16(bytes, offset + IDENTIFICATION) === (next & 0xffff);
}

/**
 * Makes the header say that the packet has `length` bytes now, the last `added` of which are new
 * (RFC 1624).
 */
export function growHeader(bytes: Uint8Array, at: number, length: number, added: number): void {
  if (ipVersion(bytes, at) === 6) {
    return writeUint16(bytes, at + IPV6_PAYLOAD_LENGTH, length - IPV6_HEADER_LENGTH);
  }
  writeUint16(bytes, at + TOTAL_LENGTH, length);
  const sum = ~readUint16(bytes, at + HEADER_CHECKSUM) & 0xffff;
  writeUint16(bytes, at + HEADER_CHECKSUM, ~fold(sum + added));
}

/** Whether the headers at `at` of `head` and at `offset` of `bytes` are alike from byte `from` up to `to`. */
export function areAlike(
  head: Uint8Array,
  at: number,
  bytes: Uint8Array,
  offset: number,
  from: number,
  to: number,
): boolean {
  for (let i = from; i < to; i++) if (head[at + i] !== bytes[offset + i]) return false;
  return true;
}
