import { addSum, complement, readUint16, writeUint16 } from "./checksum.ts";
import { copyBytes } from "./copy_bytes.ts";
import { IPV4_HEADER_LENGTH, readUint32, writeUint32 } from "./ipv4.ts";

const ICMP = 1;
const ICMP_HEADER_LENGTH = 8;
const DESTINATION_UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
/** Types that are errors, about which no error may be sent (RFC 1122, 3.2.2). */
const ERRORS = [3, 4, 5, 11, 12];

/** Bytes of the packet at fault that are sent along, behind its header (RFC 792). */
const QUOTED = 8;
const TIME_TO_LIVE = 64;

const TOTAL_LENGTH = 2;
const FRAGMENT_OFFSET = 6;
const PROTOCOL = 9;
const TTL = 8;
const HEADER_CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;
const ICMP_CHECKSUM = 2;
const NEXT_HOP_MTU = 6;

/** Longest message that is made here: about a packet with the longest header. */
export const MAX_ICMP_ERROR = IPV4_HEADER_LENGTH + ICMP_HEADER_LENGTH + 60 + QUOTED;

/**
 * Writes the "fragmentation needed" message (RFC 792, RFC 1191) about a whole IPv4 packet of `length`
 * bytes at `offset` to `target` at `at`. It comes from where the packet was to go: from an address of its
 * own a machine would take nothing that comes in by an interface.
 *
 * @param mtu the length of packets that do pass
 * @returns the message's length; 0 if no error may be sent about this packet
 */
export function writeFragmentationNeeded(
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  mtu: number,
): number {
  const headerLength = (bytes[offset]! & 15) * 4;
  const isLaterFragment = (readUint16(bytes, offset + FRAGMENT_OFFSET) & 0x1fff) !== 0;
  const isIcmp = bytes[offset + PROTOCOL] === ICMP;
  if (isLaterFragment || isIcmp && ERRORS.includes(bytes[offset + headerLength]!)) return 0;
  const quoted = Math.min(length, headerLength + QUOTED);
  const size = IPV4_HEADER_LENGTH + ICMP_HEADER_LENGTH + quoted;
  target.fill(0, at, at + size);
  target[at] = 0x45;
  writeUint16(target, at + TOTAL_LENGTH, size);
  target[at + TTL] = TIME_TO_LIVE;
  target[at + PROTOCOL] = ICMP;
  writeUint32(target, at + SOURCE, readUint32(bytes, offset + DESTINATION));
  writeUint32(target, at + DESTINATION, readUint32(bytes, offset + SOURCE));
  writeUint16(target, at + HEADER_CHECKSUM, complement(addSum(target, at, IPV4_HEADER_LENGTH)));
  const icmp = at + IPV4_HEADER_LENGTH;
  target[icmp] = DESTINATION_UNREACHABLE;
  target[icmp + 1] = FRAGMENTATION_NEEDED;
  writeUint16(target, icmp + NEXT_HOP_MTU, mtu);
  copyBytes(target, icmp + ICMP_HEADER_LENGTH, bytes, offset, quoted);
  const sum = addSum(target, icmp, size - IPV4_HEADER_LENGTH);
  writeUint16(target, icmp + ICMP_CHECKSUM, complement(sum));
  return size;
}
