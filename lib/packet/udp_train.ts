/**
 * Joining UDP packets that follow one another to super-packets: what the kernel's GRO does for those
 * that come from a network (udp_gro_receive() in net/ipv4/udp_offload.c), for those that it gives to a
 * TUN device one by one. Whoever takes the super-packet takes it as one, and cuts it just like that.
 */
import { fold, readUint16, writeUint16 } from "./checksum.ts";
import { copyBytes } from "./copy_bytes.ts";
import {
  areAlike,
  continuesHeader,
  growHeader,
  MAX_TRAIN_LENGTH,
  plainHeaderLength,
} from "./ip_train.ts";
import { TransportHeader, UDP, UDP_HEADER_LENGTH } from "./transport_header.ts";

/** The kernel takes 128 since 6.2 or so, and 64 before (UDP_MAX_SEGMENTS, linux/udp.h). */
export const MAX_UDP_SEGMENTS = 64;

/** Where fields are, counted from the UDP header's first byte. */
const LENGTH = 4;
const CHECKSUM = 6;

/**
 * The packet at the end of some memory, and those that have joined it. All are whole IP packets with
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
  /** Length of the IP header of every packet. */
  #start = 0;

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
    this.#start = this.#transport.start;
    this.#gsoSize = length - this.#headersLength;
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
    const payload = length - this.#headersLength;
    const end = this.#offset + this.#length;
    copyBytes(this.#bytes, end, bytes, offset + this.#headersLength, payload);
    this.#length += payload;
    this.#count = payload === this.#gsoSize ? this.#count + 1 : 0;
    this.#grow(payload);
    return payload;
  }

  get #headersLength(): number {
    return this.#start + UDP_HEADER_LENGTH;
  }

  /** What is not looked at here is alike in all packets, so it is as the first one's was. */
  #takes(bytes: Uint8Array, offset: number, length: number): boolean {
    const payload = length - this.#headersLength;
    return this.#count > 0 && this.#count < MAX_UDP_SEGMENTS && payload > 0 &&
      payload <= this.#gsoSize && this.#length + payload <= MAX_TRAIN_LENGTH &&
      this.#isSameFlow(bytes, offset) && saysLength(bytes, offset, this.#start, length);
  }

  /** Whether it is a UDP packet without IP options that says how long it is, and not too little. */
  #isCarriage(bytes: Uint8Array, offset: number, length: number): boolean {
    const transport = this.#transport;
    return transport.set(bytes, offset, length) && transport.protocol === UDP &&
      transport.start === plainHeaderLength(bytes, offset) && length > transport.headersLength &&
      saysLength(bytes, offset, transport.start, length);
  }

  /** Whether all is alike that segments of one super-packet have in common, the headers' lengths too. */
  #isSameFlow(bytes: Uint8Array, offset: number): boolean {
    const head = this.#bytes;
    const at = this.#offset;
    const udp = this.#start;
    return continuesHeader(head, at, this.#count, bytes, offset) &&
      areAlike(head, at, bytes, offset, udp, udp + LENGTH);
  }

  /** Adds to the lengths, and to the checksums what that changes (RFC 1624). */
  #grow(payload: number): void {
    const bytes = this.#bytes;
    const udp = this.#offset + this.#start;
    growHeader(bytes, this.#offset, this.#length, payload);
    writeUint16(bytes, udp + LENGTH, this.#length - this.#start);
    writeUint16(bytes, udp + CHECKSUM, fold(readUint16(bytes, udp + CHECKSUM) + payload));
  }
}

/** Whether the UDP header that begins `start` bytes behind `offset` says that the packet has `length` bytes. */
function saysLength(bytes: Uint8Array, offset: number, start: number, length: number): boolean {
  return readUint16(bytes, offset + start + LENGTH) === length - start;
}
