import { ipVersion } from "./ipv4.ts";

/** IPv6 headers (RFC 8200, 3). */

/** Bytes of the fixed header. */
export const IPV6_HEADER_LENGTH = 40;

const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const SOURCE = 8;
const DESTINATION = 24;
const ADDRESS_LENGTH = 16;

/** Whether there is an IPv6 header that leads to ff00::/8 (RFC 4291, 2.7). */
export function isIpv6Multicast(bytes: Uint8Array, offset: number, length: number): boolean {
  return length >= IPV6_HEADER_LENGTH && ipVersion(bytes, offset) === 6 &&
    bytes[offset + DESTINATION] === 0xff;
}

/** A view of one IPv6 packet inside somebody else's buffer; the same contract as Ipv4Packet's. */
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
    return (this.#bytes[this.#offset + PAYLOAD_LENGTH]! << 8) |
      this.#bytes[this.#offset + PAYLOAD_LENGTH + 1]!;
  }

  /** Protocol number of what follows the fixed header: an extension header or the payload. */
  get nextHeader(): number {
    return this.#bytes[this.#offset + NEXT_HEADER]!;
  }

  /** The 16 bytes of the source address, still in the packet's buffer. Allocates a view. */
  get source(): Uint8Array {
    return this.#address(SOURCE);
  }

  /** The 16 bytes of the destination address, still in the packet's buffer. Allocates a view. */
  get destination(): Uint8Array {
    return this.#address(DESTINATION);
  }

  #address(at: number): Uint8Array {
    return this.#bytes.subarray(this.#offset + at, this.#offset + at + ADDRESS_LENGTH);
  }
}
