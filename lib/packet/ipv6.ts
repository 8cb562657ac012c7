import { ipVersion } from "./ipv4.ts";

/** IPv6 headers (RFC 8200, 3). */

/** Bytes of the fixed header. */
export const IPV6_HEADER_LENGTH = 40;

/** Longest packet that the 16-bit Payload Length can say, which does not count the fixed header. */
export const IPV6_MAX_LENGTH = IPV6_HEADER_LENGTH + 65_535;

/** Least MTU of a link that carries IPv6 (RFC 8200, 5). */
export const IPV6_LEAST_MTU = 1280;

/** Where the header's fields are. */
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
const SOURCE = 8;
const DESTINATION = 24;

/**
 * A view of one IPv6 packet inside somebody else's buffer; the same contract as Ipv4Packet's. Its
 * addresses are told by where they lie, so that none is copied per packet.
 */
export class Ipv6Packet {
  #bytes: Uint8Array = new Uint8Array(IPV6_HEADER_LENGTH);
  #offset = 0;

  /**
   * Points the view at `length` bytes at `offset` and says whether they are one whole IPv6 packet:
   * version 6, and a Payload Length of `length` less the fixed header (no jumbograms, RFC 2675).
   */
  set(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#bytes = bytes;
    this.#offset = offset;
    return length >= IPV6_HEADER_LENGTH && ipVersion(bytes, offset) === 6 &&
      this.payloadLength === length - IPV6_HEADER_LENGTH;
  }

  /** Everything behind the fixed header, extension headers included, in bytes. */
  get payloadLength(): number {
    return (this.#bytes[this.#offset + IPV6_PAYLOAD_LENGTH]! << 8) |
      this.#bytes[this.#offset + IPV6_PAYLOAD_LENGTH + 1]!;
  }

  /** Protocol number of what follows the fixed header: an extension header or the payload. */
  get nextHeader(): number {
    return this.#bytes[this.#offset + IPV6_NEXT_HEADER]!;
  }

  /** Where the 16 bytes of the source address begin in the packet's buffer. */
  get sourceAt(): number {
    return this.#offset + SOURCE;
  }

  /** Where the 16 bytes of the destination address begin in the packet's buffer. */
  get destinationAt(): number {
    return this.#offset + DESTINATION;
  }
}

/** Protocol numbers of extension headers (IANA) that begin with a next header and a length. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const DESTINATION_OPTIONS = 60;

/** Extension headers count their length in these, the first one not counted. */
const EXTENSION_UNIT = 8;

/** More are nobody's: RFC 8200, 4.1, has four of these kinds in a packet. */
const MOST_EXTENSION_HEADERS = 8;

/**
 * Steps over the extension headers of a whole IPv6 packet. `set()` walks once; after it has returned
 * true the fields are right.
 */
export class Ipv6Payload {
  /** Protocol number. */
  protocol = 0;
  /** Where the payload begins, counted from the packet's first byte. */
  start = 0;

  /**
   * Finds the payload. Returns false if an extension header is cut off, or there are too many. What
   * cannot be stepped over counts as payload: a fragment header, behind which nothing is whole, and
   * the headers of IPsec.
   */
  set(bytes: Uint8Array, offset: number, length: number): boolean {
    this.protocol = bytes[offset + IPV6_NEXT_HEADER]!;
    this.start = IPV6_HEADER_LENGTH;
    for (let i = 0; isExtensionHeader(this.protocol); i++) {
      const at = offset + this.start;
      if (i === MOST_EXTENSION_HEADERS || this.start + EXTENSION_UNIT > length) return false;
      this.protocol = bytes[at]!;
      this.start += EXTENSION_UNIT * (1 + bytes[at + 1]!);
    }
    return this.start <= length;
  }
}

/** Whether a next header is an extension header that can be stepped over. */
export function isExtensionHeader(protocol: number): boolean {
  return protocol === HOP_BY_HOP || protocol === ROUTING || protocol === DESTINATION_OPTIONS;
}
