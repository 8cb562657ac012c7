/**
 * Joining UDP packets that follow one another to super-packets: what the kernel's GRO does for those
 * that come from a network (udp_gro_receive() in net/ipv4/udp_offload.c), for those that it gives to a
 * TUN device one by one. Whoever takes the super-packet takes it as one, and cuts it just like that.
 */
import { fold, readUint16, writeUint16 } from "./checksum.ts";
import { copyBytes } from "./copy_bytes.ts";
import { IPV4_HEADER_LENGTH, IPV4_MAX_LENGTH, ipVersion } from "./ipv4.ts";
import { IPV6_HEADER_LENGTH, IPV6_PAYLOAD_LENGTH } from "./ipv6.ts";
import { TransportHeader, UDP, UDP_HEADER_LENGTH } from "./transport_header.ts";

/** The kernel takes 128 since 6.2 or so, and 64 before (UDP_MAX_SEGMENTS, linux/udp.h). */
export const MAX_UDP_SEGMENTS = 64;

const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FLAGS = 6;
const DONT_FRAGMENT = 0x40;
const HEADER_CHECKSUM = 10;
const UDP_LENGTH = 4;
const UDP_CHECKSUM = 6;

/** Longest super-packet: as much as a frame of the tunnel carries, of either version. */
const MAX_LENGTH = IPV4_MAX_LENGTH;

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

  #takes(bytes: Uint8Array, offset: number, length: number): boolean {
    const payload = length - this.#headersLength;
    return this.#count > 0 && this.#count < MAX_UDP_SEGMENTS && payload <= this.#gsoSize &&
      this.#length + payload <= MAX_LENGTH && this.#isCarriage(bytes, offset, length) &&
      this.#isSameFlow(bytes, offset);
  }

  /** Whether it is a UDP packet without IP options that says how long it is, and not too little. */
  #isCarriage(bytes: Uint8Array, offset: number, length: number): boolean {
    const transport = this.#transport;
    if (!transport.set(bytes, offset, length) || transport.protocol !== UDP) return false;
    const plain = ipVersion(bytes, offset) === 6 ? IPV6_HEADER_LENGTH : IPV4_HEADER_LENGTH;
    return transport.start === plain && length > transport.headersLength &&
      readUint16(bytes, offset + plain + UDP_LENGTH) === length - plain;
  }

  /** Whether all is alike that segments of one super-packet have in common. */
  #isSameFlow(bytes: Uint8Array, offset: number): boolean {
    const head = this.#bytes;
    const at = this.#offset;
    const isIpv6 = ipVersion(head, at) === 6;
    for (let i = 0; i < this.#start + UDP_LENGTH; i++) {
      if (head[at + i] === bytes[offset + i]) continue;
      if (!(isIpv6 ? isSegmentsOwnIpv6(i) : isSegmentsOwnIpv4(i))) return false;
    }
    return isIpv6 || this.#isNextIdentification(bytes, offset);
  }

  #isNextIdentification(bytes: Uint8Array, offset: number): boolean {
    // Of packets that are never fragmented the identification means nothing (RFC 6864, 4.1).
    if ((bytes[offset + FLAGS]! & DONT_FRAGMENT) !== 0) return true;
    const next = readUint16(this.#bytes, this.#offset + IDENTIFICATION) + this.#count;
    return readUint16(bytes, offset + IDENTIFICATION) === (next & 0xffff);
  }

  /** Adds to the lengths, and to the checksums what that changes (RFC 1624). */
  #grow(payload: number): void {
    const bytes = this.#bytes;
    const at = this.#offset;
    const udp = at + this.#start;
    if (ipVersion(bytes, at) === 6) {
      writeUint16(bytes, at + IPV6_PAYLOAD_LENGTH, this.#length - IPV6_HEADER_LENGTH);
    } else {
      writeUint16(bytes, at + TOTAL_LENGTH, this.#length);
      const sum = ~readUint16(bytes, at + HEADER_CHECKSUM) & 0xffff;
      writeUint16(bytes, at + HEADER_CHECKSUM, ~fold(sum + payload));
    }
    writeUint16(bytes, udp + UDP_LENGTH, this.#length - this.#start);
    writeUint16(bytes, udp + UDP_CHECKSUM, fold(readUint16(bytes, udp + UDP_CHECKSUM) + payload));
  }
}

/** Whether the byte at `i` of the headers may differ from segment to segment. */
function isSegmentsOwnIpv4(i: number): boolean {
  return (i >= TOTAL_LENGTH && i < FLAGS) || (i >= HEADER_CHECKSUM && i < HEADER_CHECKSUM + 2);
}

/** The same for IPv6. */
function isSegmentsOwnIpv6(i: number): boolean {
  return i === IPV6_PAYLOAD_LENGTH || i === IPV6_PAYLOAD_LENGTH + 1;
}
