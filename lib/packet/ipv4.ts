/** IPv4 headers (RFC 791, 3.1). All fields are in network byte order on the wire. */

/** Bytes of a header without options. */
export const IPV4_HEADER_LENGTH = 20;

/** Longest packet that the 16-bit Total Length can say. */
export const IPV4_MAX_LENGTH = 65535;

const VERSION_IHL = 0;
const TOTAL_LENGTH = 2;
const PROTOCOL = 9;
const SOURCE = 12;
const DESTINATION = 16;

/** The big-endian 32-bit integer at `offset`, unsigned. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return readInt32(bytes, offset) >>> 0;
}

/** The same integer, signed. */
export function readInt32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) |
    bytes[offset + 3]!;
}

/** Writes `value`, 0 to 2^32-1, at `offset` as a big-endian 32-bit integer. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** The 4-bit version of the IP packet that starts at `offset`. */
export function ipVersion(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! >>> 4;
}

/**
 * A view of one IPv4 packet inside somebody else's buffer. `set()` checks the packet once; after it
 * has returned true the getters cannot fail, for as long as the buffer's owner leaves the bytes
 * alone. One view is made per user and pointed at packet after packet, so that none is allocated.
 */
export class Ipv4Packet {
  #bytes: Uint8Array = new Uint8Array(IPV4_HEADER_LENGTH);
  #offset = 0;

  /**
   * Points the view at `length` bytes at `offset` and says whether they are one whole IPv4 packet:
   * version 4, a header of at least 20 bytes that fits, and a Total Length equal to `length`.
   */
  set(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#bytes = bytes;
    this.#offset = offset;
    return length >= IPV4_HEADER_LENGTH && ipVersion(bytes, offset) === 4 &&
      this.totalLength === length && this.headerLength >= IPV4_HEADER_LENGTH &&
      this.headerLength <= length;
  }

  /** Header and options, in bytes. */
  get headerLength(): number {
    return (this.#bytes[this.#offset + VERSION_IHL]! & 15) * 4;
  }

  /** Header and payload, in bytes. */
  get totalLength(): number {
    return (this.#bytes[this.#offset + TOTAL_LENGTH]! << 8) |
      this.#bytes[this.#offset + TOTAL_LENGTH + 1]!;
  }

  /** Protocol number of the payload (IANA), such as 6 for TCP. */
  get protocol(): number {
    return this.#bytes[this.#offset + PROTOCOL]!;
  }

  get source(): number {
    return readUint32(this.#bytes, this.#offset + SOURCE);
  }

  get destination(): number {
    return readUint32(this.#bytes, this.#offset + DESTINATION);
  }
}
