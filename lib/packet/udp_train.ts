/**
 * Joining UDP packets that follow one another to super-packets: what the kernel's GRO does for those
 * that come from a network (udp_gro_receive() in net/ipv4/udp_offload.c), for those that it gives to a
 * TUN device one by one. Whoever takes the super-packet takes it as one, and cuts it just like that.
 */
import { fold, readUint16, writeUint16 } from "./checksum.ts";
import { copyBytes } from "./copy_bytes.ts";
import { IPV4_HEADER_LENGTH, IPV4_MAX_LENGTH } from "./ipv4.ts";
import { TransportHeader, UDP, UDP_HEADER_LENGTH } from "./transport_header.ts";

/** The kernel takes 128 since 6.2 or so, and 64 before (UDP_MAX_SEGMENTS, linux/udp.h). */
export const MAX_UDP_SEGMENTS = 64;

const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FLAGS = 6;
const DONT_FRAGMENT = 0x40;
const HEADER_CHECKSUM = 10;
const UDP_LENGTH = IPV4_HEADER_LENGTH + 4;
const UDP_CHECKSUM = IPV4_HEADER_LENGTH + 6;
const HEADERS_LENGTH = IPV4_HEADER_LENGTH + UDP_HEADER_LENGTH;

/**
 * The packet at the end of some memory, and those that have joined it. All are whole IPv4 packets with
 * unfinished checksums (PacketKind.PartialChecksum).
 */
export class UdpTrain {
  readonly #transport = new TransportHeader();
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #length = 0;
  /** Packets in the train; 0 if none can join. */
  #count = 0;
  /** Bytes of payload of every packet but the last. */
  #gsoSize = 0;

  /** Length of the super-packet. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of payload of each of its segments, but the last. */
  get gsoSize(): number {
    return this.#gsoSize;
  }

  /** Begins a train with a packet, if others can join it. The memory stays the caller's. */
  begin(bytes: Uint8Array, offset: number, length: number): void {
    this.#count = this.#isCarriage(bytes, offset, length) ? 1 : 0;
    this.#bytes = bytes;
    this.#offset = offset;
    this.#length = length;
    this.#gsoSize = length - HEADERS_LENGTH;
  }

  /** Ends the train: nothing joins it any more. */
  end(): void {
    this.#count = 0;
  }

  /**
   * Joins a packet to the train: its payload is put behind the train's last byte, where there must be
   * room, and the headers say so. Returns how many bytes that were; 0 if the packet is no continuation.
   */
  join(bytes: Uint8Array, offset: number, length: number): number {
    if (!this.#takes(bytes, offset, length)) return 0;
    const payload = length - HEADERS_LENGTH;
    const end = this.#offset + this.#length;
    copyBytes(this.#bytes, end, bytes, offset + HEADERS_LENGTH, payload);
    this.#length += payload;
    this.#count = payload === this.#gsoSize ? this.#count + 1 : 0;
    this.#grow(payload);
    return payload;
  }

  #takes(bytes: Uint8Array, offset: number, length: number): boolean {
    const payload = length - HEADERS_LENGTH;
    return this.#count > 0 && this.#count < MAX_UDP_SEGMENTS && payload <= this.#gsoSize &&
      this.#length + payload <= IPV4_MAX_LENGTH && this.#isCarriage(bytes, offset, length) &&
      this.#isSameFlow(bytes, offset);
  }

  /** Whether it is a UDP packet without IP options that says how long it is, and not too little. */
  #isCarriage(bytes: Uint8Array, offset: number, length: number): boolean {
    const transport = this.#transport;
    return transport.set(bytes, offset, length) && transport.protocol === UDP &&
      transport.headersLength === HEADERS_LENGTH && length > HEADERS_LENGTH &&
      readUint16(bytes, offset + UDP_LENGTH) === length - IPV4_HEADER_LENGTH;
  }

  /** Whether all is alike that segments of one super-packet have in common. */
  #isSameFlow(bytes: Uint8Array, offset: number): boolean {
    const head = this.#bytes;
    const at = this.#offset;
    for (let i = 0; i < UDP_LENGTH; i++) {
      if (head[at + i] !== bytes[offset + i] && !isSegmentsOwn(i)) return false;
    }
    // Of packets that are never fragmented the identification means nothing (RFC 6864, 4.1).
    if ((bytes[offset + FLAGS]! & DONT_FRAGMENT) !== 0) return true;
    const next = readUint16(head, at + IDENTIFICATION) + this.#count;
    return readUint16(bytes, offset + IDENTIFICATION) === (next & 0xffff);
  }

  /** Adds to the lengths, and to the checksums what that changes (RFC 1624). */
  #grow(payload: number): void {
    const bytes = this.#bytes;
    const at = this.#offset;
    writeUint16(bytes, at + TOTAL_LENGTH, this.#length);
    writeUint16(bytes, at + UDP_LENGTH, this.#length - IPV4_HEADER_LENGTH);
    const sum = ~readUint16(bytes, at + HEADER_CHECKSUM) & 0xffff;
    writeUint16(bytes, at + HEADER_CHECKSUM, ~fold(sum + payload));
    writeUint16(bytes, at + UDP_CHECKSUM, fold(readUint16(bytes, at + UDP_CHECKSUM) + payload));
  }
}

/** Whether the byte at `i` of the headers may differ from segment to segment. */
function isSegmentsOwn(i: number): boolean {
  return (i >= TOTAL_LENGTH && i < FLAGS) || (i >= HEADER_CHECKSUM && i < HEADER_CHECKSUM + 2);
}
