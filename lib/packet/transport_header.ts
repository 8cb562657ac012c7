import { readUint16 } from "./checksum.ts";
import { ipVersion } from "./ipv4.ts";
import { Ipv6Payload } from "./ipv6.ts";

/** Protocol numbers (IANA). */
export const TCP = 6;
export const UDP = 17;

/** Where an IPv4 header says its payload's protocol. */
export const IPV4_PROTOCOL = 9;
const FRAGMENT = 6;
/** All of the fragment field but "don't fragment". */
const IS_FRAGMENT = 0xbfff;

/** Bytes of a TCP header without options. */
export const TCP_HEADER_LEAST = 20;
const TCP_DATA_OFFSET = 12;
/** Where in the header the checksum is. */
export const TCP_CHECKSUM = 16;
export const UDP_HEADER_LENGTH = 8;
const UDP_CHECKSUM = 6;

/**
 * A view of the TCP or UDP header in a whole IP packet (one that the `set()` of Ipv4Packet or
 * Ipv6Packet accepted), inside somebody else's buffer. `set()` checks once; after it has returned true
 * the fields are right.
 */
export class TransportHeader {
  /** TCP or UDP. */
  protocol = 0;
  /** Where the header begins, counted from the packet's first byte: the length of the IP headers. */
  start = 0;
  /** Length of the IP headers and this one. */
  headersLength = 0;
  /** Where the checksum's field is, counted from `start`. */
  checksumOffset = 0;
  readonly #ipv6 = new Ipv6Payload();

  /** Points the view at a packet. Returns false if it is a fragment, of another protocol, or cut off. */
  set(bytes: Uint8Array, offset: number, length: number): boolean {
    const found = ipVersion(bytes, offset) === 6
      ? this.#findInIpv6(bytes, offset, length)
      : this.#findInIpv4(bytes, offset);
    if (!found) return false;
    if (this.protocol === TCP) return this.#setTcp(bytes, offset, length);
    this.headersLength = this.start + UDP_HEADER_LENGTH;
    this.checksumOffset = UDP_CHECKSUM;
    return this.protocol === UDP && this.headersLength <= length;
  }

  #findInIpv4(bytes: Uint8Array, offset: number): boolean {
    this.start = (bytes[offset]! & 15) * 4;
    this.protocol = bytes[offset + IPV4_PROTOCOL]!;
    return (readUint16(bytes, offset + FRAGMENT) & IS_FRAGMENT) === 0;
  }

  #findInIpv6(bytes: Uint8Array, offset: number, length: number): boolean {
    const found = this.#ipv6.set(bytes, offset, length);
    this.start = this.#ipv6.start;
    this.protocol = this.#ipv6.protocol;
    return found;
  }

  #setTcp(bytes: Uint8Array, offset: number, length: number): boolean {
    this.checksumOffset = TCP_CHECKSUM;
    if (this.start + TCP_HEADER_LEAST > length) return false;
    const size = (bytes[offset + this.start + TCP_DATA_OFFSET]! >> 4) * 4;
    this.headersLength = this.start + size;
    return size >= TCP_HEADER_LEAST && this.headersLength <= length;
  }
}
