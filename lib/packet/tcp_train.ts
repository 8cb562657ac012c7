/**
 * Joining TCP segments that follow one another to super-packets: what the kernel's GRO does for those
 * that come from a network (tcp_gro_receive() in net/ipv4/tcp_offload.c), for those that come through
 * a tunnel one by one. Whoever takes the super-packet takes it as one, and cuts it just like that.
 */
import { fold, readUint16, writeUint16 } from "./checksum.ts";
import { copyBytes } from "./copy_bytes.ts";
import {
  areAlike,
  continuesHeader,
  growHeader,
  MAX_TRAIN_LENGTH,
  plainHeaderLength,
  saysLength,
} from "./ip_train.ts";
import { readUint32 } from "./ipv4.ts";
import { TCP_LEAST_GSO_SIZE } from "./offload.ts";
import { TCP, TransportHeader } from "./transport_header.ts";

/** Where fields are, counted from the TCP header's first byte. */
const SEQUENCE = 4;
const ACKNOWLEDGEMENT = 8;
const FLAGS = 13;
const CHECKSUM = 16;
const ACK = 0x10;
const PSH = 0x08;

/**
 * A segment in some memory, and those that have joined it behind it. All are whole IP packets with
 * unfinished checksums (PacketKind.PartialChecksum).
 */
export class TcpTrain {
  readonly #transport = new TransportHeader();
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #length = 0;
  /** Length of the IP header of every segment, and of all its headers. */
  #start = 0;
  #headersLength = 0;
  /** Segments in the train. */
  #count = 0;
  /** Whether others can join. */
  #open = false;
  /** Bytes of payload of every segment but the last. */
  #gsoSize = 0;

  /** The memory that the train is in. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Length of the super-packet; 0 if there is no train. */
  get length(): number {
    return this.#length;
  }

  /** Segments in the train. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of payload of each segment, but the last. */
  get gsoSize(): number {
    return this.#gsoSize;
  }

  /** Begins a train with a packet. Returns false, with no train begun, if none can join it. */
  begin(bytes: Uint8Array, offset: number, length: number): boolean {
    this.clear();
    if (!this.#isCarriage(bytes, offset, length)) return false;
    const { start, headersLength } = this.#transport;
    const payload = length - headersLength;
    if (payload < TCP_LEAST_GSO_SIZE || bytes[offset + start + FLAGS] !== ACK) return false;
    this.#bytes = bytes;
    this.#offset = offset;
    this.#length = length;
    this.#start = start;
    this.#headersLength = headersLength;
    this.#gsoSize = payload;
    this.#count = 1;
    this.#open = true;
    return true;
  }

  /** Forgets the train. */
  clear(): void {
    this.#length = this.#count = 0;
    this.#open = false;
  }

  /**
   * Joins a packet to the train: its payload is put behind the train's last byte, where there must be
   * room, and the headers say so. Returns false if the packet is no continuation.
   */
  join(bytes: Uint8Array, offset: number, length: number): boolean {
    if (!this.#open || !this.#takes(bytes, offset, length)) return false;
    const payload = length - this.#headersLength;
    const end = this.#offset + this.#length;
    // To be read first: the payload may come to lie over the packet's own headers.
    const flags = bytes[offset + this.#start + FLAGS]!;
    copyBytes(this.#bytes, end, bytes, offset + this.#headersLength, payload);
    this.#bytes[this.#offset + this.#start + FLAGS]! |= flags;
    this.#length += payload;
    this.#count++;
    this.#open = payload === this.#gsoSize && flags === ACK;
    this.#grow(payload);
    return true;
  }

  /** What is not looked at here is alike in all segments, so it is as the first one's was. */
  #takes(bytes: Uint8Array, offset: number, length: number): boolean {
    const payload = length - this.#headersLength;
    return payload > 0 && payload <= this.#gsoSize && this.#length + payload <= MAX_TRAIN_LENGTH &&
      this.#isSameFlow(bytes, offset) && this.#isNext(bytes, offset) &&
      saysLength(bytes, offset, length);
  }

  /** Whether it is a TCP segment with data, without IP options, that says how long it is. */
  #isCarriage(bytes: Uint8Array, offset: number, length: number): boolean {
    const transport = this.#transport;
    return transport.set(bytes, offset, length) && transport.protocol === TCP &&
      transport.start === plainHeaderLength(bytes, offset) && length > transport.headersLength &&
      saysLength(bytes, offset, length);
  }

  /** Whether its data is what follows, and its flags say nothing but that it may be the last. */
  #isNext(bytes: Uint8Array, offset: number): boolean {
    const payload = this.#length - this.#headersLength;
    const next = readUint32(this.#bytes, this.#offset + this.#start + SEQUENCE) + payload;
    return readUint32(bytes, offset + this.#start + SEQUENCE) === next >>> 0 &&
      (bytes[offset + this.#start + FLAGS]! | PSH) === (ACK | PSH);
  }

  /** Whether all is alike that segments of one super-packet have in common, the headers' lengths too. */
  #isSameFlow(bytes: Uint8Array, offset: number): boolean {
    const head = this.#bytes;
    const at = this.#offset;
    const tcp = this.#start;
    return continuesHeader(head, at, this.#count, bytes, offset) &&
      areAlike(head, at, bytes, offset, tcp, tcp + SEQUENCE) &&
      areAlike(head, at, bytes, offset, tcp + ACKNOWLEDGEMENT, tcp + FLAGS) &&
      areAlike(head, at, bytes, offset, tcp + FLAGS + 1, tcp + CHECKSUM) &&
      areAlike(head, at, bytes, offset, tcp + CHECKSUM + 2, this.#headersLength);
  }

  /** Adds to the length, and to the checksums what that changes (RFC 1624). */
  #grow(payload: number): void {
    const bytes = this.#bytes;
    growHeader(bytes, this.#offset, this.#length, payload);
    const field = this.#offset + this.#start + CHECKSUM;
    writeUint16(bytes, field, fold(readUint16(bytes, field) + payload));
  }
}
