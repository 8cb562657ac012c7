/**
 * The maximum segment size, which the ends of a TCP connection tell each other in their first segments
 * (RFC 9293, 3.7.1), each for the link that it knows. Whoever carries them through a narrower one lowers
 * it there: where the news that a packet is too big (ICMP) is filtered, nothing else tells the ends.
 */
import { complement, fold, readUint16, writeUint16 } from "./checksum.ts";
import { IPV4_HEADER_LENGTH, ipVersion } from "./ipv4.ts";
import { IPV6_HEADER_LENGTH, IPV6_NEXT_HEADER, isExtensionHeader } from "./ipv6.ts";
import { type Offload, WHOLE } from "./offload.ts";
import {
  IPV4_PROTOCOL,
  TCP,
  TCP_CHECKSUM,
  TCP_HEADER_LEAST,
  TransportHeader,
} from "./transport_header.ts";

const TCP_FLAGS = 13;
const SYN = 0x02;

/** Kinds of TCP options. */
const END = 0;
const NO_OPERATION = 1;
const MAXIMUM_SEGMENT_SIZE = 2;

/** Bytes of an option with a length: its kind and that. */
const OPTION_LEAST = 2;
const MSS_LENGTH = 4;
/** Where in the option its value is. */
const MSS_VALUE = 2;

/** Lowers what first segments say. One per user, so that nothing is allocated per packet. */
export class MssClamp {
  readonly #transport = new TransportHeader();

  /**
   * Lowers the option in an IP packet, in place, to what a packet of `mtu` bytes without IP and TCP
   * options holds (RFC 6691). It is never raised, or added. What is no SYN, or no sound packet, stays as
   * it is.
   *
   * @param offload says whether the checksum is finished: if not, it does not depend on options
   */
  clamp(bytes: Uint8Array, offset: number, length: number, offload: Offload, mtu: number): void {
    if (!mayBeSyn(bytes, offset)) return;
    const transport = this.#transport;
    if (!transport.set(bytes, offset, length) || transport.protocol !== TCP) return;
    const start = offset + transport.start;
    if ((bytes[start + TCP_FLAGS]! & SYN) === 0) return;
    const isIpv6 = ipVersion(bytes, offset) === 6;
    const headers = (isIpv6 ? IPV6_HEADER_LENGTH : IPV4_HEADER_LENGTH) + TCP_HEADER_LEAST;
    const end = offset + transport.headersLength;
    for (let at = start + TCP_HEADER_LEAST; at < end && bytes[at] !== END;) {
      if (bytes[at] === NO_OPERATION) {
        at++;
        continue;
      }
      const size = bytes[at + 1]!;
      if (size < OPTION_LEAST || at + size > end) return;
      if (bytes[at] === MAXIMUM_SEGMENT_SIZE && size === MSS_LENGTH) {
        lower(bytes, start, at + MSS_VALUE, mtu - headers, offload);
      }
      at += size;
    }
  }
}

/** What nearly all packets can be told by: a SYN without extension headers, or one that may have some. */
function mayBeSyn(bytes: Uint8Array, offset: number): boolean {
  const isIpv6 = ipVersion(bytes, offset) === 6;
  const protocol = bytes[offset + (isIpv6 ? IPV6_NEXT_HEADER : IPV4_PROTOCOL)]!;
  if (protocol !== TCP) return isIpv6 && isExtensionHeader(protocol);
  const start = offset + (isIpv6 ? IPV6_HEADER_LENGTH : (bytes[offset]! & 15) * 4);
  return (bytes[start + TCP_FLAGS]! & SYN) !== 0;
}

/** Lowers the value at `at` of the TCP header at `start`. */
function lower(
  bytes: Uint8Array,
  start: number,
  at: number,
  most: number,
  offload: Offload,
): void {
  const present = readUint16(bytes, at);
  if (present <= most) return;
  writeUint16(bytes, at, most);
  if (offload !== WHOLE) return;
  const field = start + TCP_CHECKSUM;
  const isOdd = ((at - start) & 1) === 1;
  const removed = complement(isOdd ? swap(present) : present);
  const sum = complement(readUint16(bytes, field)) + removed + (isOdd ? swap(most) : most);
  // RFC 1624, 3, equation 3.
  writeUint16(bytes, field, complement(fold(sum)));
}

/** What a value adds to a sum that begins at an odd byte: it lies across two words (RFC 1071, 2 (B)). */
function swap(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}
