import { addSum, complement, readUint16, writeUint16 } from "./checksum.ts";
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
const ICMP_CHECKSUM = IPV4_HEADER_LENGTH + 2;
const NEXT_HOP_MTU = IPV4_HEADER_LENGTH + 6;

/**
 * The "fragmentation needed" message (RFC 792, RFC 1191) about a whole IPv4 packet of `length` bytes at
 * `offset`; undefined if no error may be sent about it.
 *
 * @param from the sender's address
 * @param mtu the length of packets that do pass
 */
export function fragmentationNeeded(
  bytes: Uint8Array,
  offset: number,
  length: number,
  from: number,
  mtu: number,
): Uint8Array | undefined {
  const headerLength = (bytes[offset]! & 15) * 4;
  const isLaterFragment = (readUint16(bytes, offset + FRAGMENT_OFFSET) & 0x1fff) !== 0;
  const isIcmp = bytes[offset + PROTOCOL] === ICMP;
  if (isLaterFragment || isIcmp && ERRORS.includes(bytes[offset + headerLength]!)) return undefined;
  const quoted = bytes.subarray(offset, offset + Math.min(length, headerLength + QUOTED));
  const message = new Uint8Array(IPV4_HEADER_LENGTH + ICMP_HEADER_LENGTH + quoted.length);
  message[0] = 0x45;
  writeUint16(message, TOTAL_LENGTH, message.length);
  message[TTL] = TIME_TO_LIVE;
  message[PROTOCOL] = ICMP;
  writeUint32(message, SOURCE, from);
  writeUint32(message, DESTINATION, readUint32(bytes, offset + SOURCE));
  writeUint16(message, HEADER_CHECKSUM, complement(addSum(message, 0, IPV4_HEADER_LENGTH)));
  message[IPV4_HEADER_LENGTH] = DESTINATION_UNREACHABLE;
  message[IPV4_HEADER_LENGTH + 1] = FRAGMENTATION_NEEDED;
  writeUint16(message, NEXT_HOP_MTU, mtu);
  message.set(quoted, IPV4_HEADER_LENGTH + ICMP_HEADER_LENGTH);
  const sum = addSum(message, IPV4_HEADER_LENGTH, message.length - IPV4_HEADER_LENGTH);
  writeUint16(message, ICMP_CHECKSUM, complement(sum));
  return message;
}
