import { readUint16 } from "./checksum.ts";

/** Protocol numbers (IANA). */
export const TCP = 6;
export const UDP = 17;

const IPV4_PROTOCOL = 9;
const FRAGMENT = 6;
/** All of the fragment field but "don't fragment". */
const IS_FRAGMENT = 0xbfff;

const TCP_HEADER_LEAST = 20;
const TCP_DATA_OFFSET = 12;
const TCP_CHECKSUM = 16;
export const UDP_HEADER_LENGTH = 8;
const UDP_CHECKSUM = 6;

/**
 * A view of the TCP or UDP header in a whole IPv4 packet (one that `Ipv4Packet.set()` accepted), inside
 * somebody else's buffer. `set()` checks once; after it has returned true the fields are right.
 */
export class TransportHeader {
  /** TCP or UDP. */
  protocol = 0;
  /** Where the header begins, counted from the packet's first byte: the length of the IP header. */
  start = 0;
  /** Length of the IP header and this one. */
  headersLength = 0;
  /** Where the checksum's field is, counted from `start`. */
  checksumOffset = 0;

  /** Points the view at a packet. Returns false if it is a fragment, of another protocol, or cut off. */
  set(bytes: Uint8Array, offset: number, length: number): boolean {
    this.start = (bytes[offset]! & 15) * 4;
    this.protocol = bytes[offset + IPV4_PROTOCOL]!;
    if ((readUint16(bytes, offset + FRAGMENT) & IS_FRAGMENT) !== 0) return false;
    if (this.protocol === TCP) return this.#setTcp(bytes, offset, length);
    this.headersLength = this.start + UDP_HEADER_LENGTH;
    this.checksumOffset = UDP_CHECKSUM;
    return this.protocol === UDP && this.headersLength <= length;
  }

  #setTcp(bytes: Uint8Array, offset: number, length: number): boolean {
    this.checksumOffset = TCP_CHECKSUM;
    if (this.start + TCP_HEADER_LEAST > length) return false;
    const size = (bytes[offset + this.start + TCP_DATA_OFFSET]! >> 4) * 4;
    this.headersLength = this.start + size;
    return size >= TCP_HEADER_LEAST && this.headersLength <= length;
  }
}
