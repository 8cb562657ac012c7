/**
 * Making ordinary packets of what offload left undone, for receivers that do not know of it: cutting
 * super-packets into segments, and finishing checksums. What the kernel does in tcp_gso_segment() and
 * __udp_gso_segment().
 */
import { addSum, complement, finishChecksum, fold, readUint16, writeUint16 } from "./checksum.ts";
import { copyBytes } from "./copy_bytes.ts";
import { ipVersion, readUint32, writeUint32 } from "./ipv4.ts";
import { IPV6_HEADER_LENGTH, IPV6_MAX_LENGTH, IPV6_PAYLOAD_LENGTH } from "./ipv6.ts";
import {
  gsoSizeOf,
  kindOf,
  type Offload,
  offloadOf,
  PacketKind,
  PARTIAL,
  TCP_LEAST_GSO_SIZE,
  WHOLE,
} from "./offload.ts";
import { TCP, TransportHeader, UDP } from "./transport_header.ts";
import { MAX_UDP_SEGMENTS } from "./udp_train.ts";

const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const HEADER_CHECKSUM = 10;

const TCP_SEQUENCE = 4;
const TCP_FLAGS = 13;
const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;
const UDP_LENGTH = 4;

/** Most datagrams that a kernel makes one packet of (UDP_MAX_SEGMENTS, linux/udp.h, of newer ones). */
const UDP_MOST_SEGMENTS = 128;

/** Takes one packet; the bytes are good until it returns. */
export type PacketSink = (
  bytes: Uint8Array,
  offset: number,
  length: number,
  offload: Offload,
) => void;

/** Whether a packet may be a UDP super-packet of more datagrams than every kernel takes. */
export function mayBeTooMany(length: number, offload: Offload): boolean {
  return kindOf(offload) === PacketKind.UdpSegments &&
    length > MAX_UDP_SEGMENTS * gsoSizeOf(offload);
}

/** Makes ordinary packets. One per user, so that nothing is allocated per packet. */
export class Segmenter {
  /** Bytes of memory for one segment. */
  static readonly LENGTH = IPV6_MAX_LENGTH;
  readonly #transport = new TransportHeader();
  /** Where the present segment is made. */
  readonly #bytes: Uint8Array;
  readonly #at: number;

  /**
   * @param bytes memory of which LENGTH bytes from `offset` on are this object's; where the packets are in
   *   the same, nothing is allocated
   */
  constructor(bytes: Uint8Array = new Uint8Array(Segmenter.LENGTH), offset = 0) {
    this.#bytes = bytes;
    this.#at = offset;
  }

  /**
   * Gives `sink` the ordinary packets that a whole IP packet of `length` bytes at `offset` stands for.
   * Returns false, with nothing given, if the packet is not what `offload` says, or is to be cut into
   * datagrams of more than `most` bytes. (Of a stream all segments are no longer than that.)
   *
   * @param finish whether to finish the checksums of segments
   */
  segment(
    bytes: Uint8Array,
    offset: number,
    length: number,
    offload: Offload,
    sink: PacketSink,
    most = IPV6_MAX_LENGTH,
    finish = true,
  ): boolean {
    if (offload === WHOLE) {
      sink(bytes, offset, length, WHOLE);
      return true;
    }
    const transport = this.#transport;
    if (!transport.set(bytes, offset, length)) return false;
    const kind = kindOf(offload);
    if (kind === PacketKind.PartialChecksum) {
      const start = offset + transport.start;
      finishChecksum(bytes, start, offset + length, start + transport.checksumOffset);
      sink(bytes, offset, length, WHOLE);
      return true;
    }
    const isTcp = kind === PacketKind.TcpSegments || kind === PacketKind.TcpSegmentsEcn;
    if (isTcp !== (transport.protocol === TCP)) return false;
    const { headersLength } = transport;
    const payload = length - headersLength;
    const least = isTcp ? TCP_LEAST_GSO_SIZE : Math.max(1, payload / UDP_MOST_SEGMENTS);
    if (gsoSizeOf(offload) < least) return false;
    const wanted = Math.min(gsoSizeOf(offload), payload);
    const gsoSize = Math.min(wanted, most - headersLength);
    if (gsoSize < wanted && !(isTcp && gsoSize >= TCP_LEAST_GSO_SIZE)) return false;
    this.#cut(bytes, offset, length, offloadOf(kind, gsoSize), 1, sink, finish);
    return true;
  }

  /**
   * Gives `sink` the super-packets of MAX_UDP_SEGMENTS datagrams at the most that a UDP super-packet stands
   * for; a datagram that is left over is no super-packet. Returns false, with nothing given, if the packet
   * is not what `offload` says.
   */
  split(
    bytes: Uint8Array,
    offset: number,
    length: number,
    offload: Offload,
    sink: PacketSink,
  ): boolean {
    const transport = this.#transport;
    if (!transport.set(bytes, offset, length) || transport.protocol !== UDP) return false;
    const payload = length - transport.headersLength;
    if (payload > UDP_MOST_SEGMENTS * gsoSizeOf(offload)) return false;
    this.#cut(bytes, offset, length, offload, MAX_UDP_SEGMENTS, sink, false);
    return true;
  }

  /** @param together how many segments each packet has, but the last */
  #cut(
    bytes: Uint8Array,
    offset: number,
    length: number,
    offload: Offload,
    together: number,
    sink: PacketSink,
    finish: boolean,
  ): void {
    const gsoSize = gsoSizeOf(offload);
    const alone = finish ? WHOLE : PARTIAL;
    const { headersLength, start, checksumOffset } = this.#transport;
    // The pseudo-header's sum without the length, which each segment has its own of (RFC 1624).
    const pseudo = readUint16(bytes, offset + start + checksumOffset) + complement(length - start);
    const payload = length - headersLength;
    const segment = this.#bytes;
    const at = this.#at;
    copyBytes(segment, at, bytes, offset, headersLength);
    const common = this.#clearIp();
    for (let done = 0, i = 0; done < payload; i++) {
      const size = Math.min(together * gsoSize, payload - done);
      const from = offset + headersLength + done;
      copyBytes(segment, at + headersLength, bytes, from, size);
      this.#patchIp(bytes, offset, headersLength + size, i * together, common);
      this.#patchTransport(bytes, offset, headersLength + size, done, done + size === payload);
      this.#leaveChecksum(headersLength + size, pseudo);
      if (finish) this.#finishChecksum(headersLength + size);
      sink(segment, at, headersLength + size, size > gsoSize ? offload : alone);
      done += size;
    }
  }

  /** Clears what each segment's IPv4 header has of its own; returns the sum of the rest. */
  #clearIp(): number {
    const segment = this.#bytes;
    const at = this.#at;
    if (ipVersion(segment, at) === 6) return 0;
    writeUint16(segment, at + TOTAL_LENGTH, 0);
    writeUint16(segment, at + IDENTIFICATION, 0);
    writeUint16(segment, at + HEADER_CHECKSUM, 0);
    return addSum(segment, at, this.#transport.start);
  }

  /** @param common what `#clearIp()` returned */
  #patchIp(
    original: Uint8Array,
    offset: number,
    length: number,
    index: number,
    common: number,
  ): void {
    const segment = this.#bytes;
    const at = this.#at;
    if (ipVersion(segment, at) === 6) {
      return writeUint16(segment, at + IPV6_PAYLOAD_LENGTH, length - IPV6_HEADER_LENGTH);
    }
    const identification = (readUint16(original, offset + IDENTIFICATION) + index) & 0xffff;
    writeUint16(segment, at + TOTAL_LENGTH, length);
    writeUint16(segment, at + IDENTIFICATION, identification);
    const sum = fold(common + length + identification);
    writeUint16(segment, at + HEADER_CHECKSUM, complement(sum));
  }

  #patchTransport(
    original: Uint8Array,
    offset: number,
    length: number,
    done: number,
    isLast: boolean,
  ): void {
    const { start, protocol } = this.#transport;
    const segment = this.#bytes;
    const header = this.#at + start;
    if (protocol === TCP) {
      const sequence = readUint32(original, offset + start + TCP_SEQUENCE);
      writeUint32(segment, header + TCP_SEQUENCE, sequence + done);
      let flags = original[offset + start + TCP_FLAGS]!;
      if (!isLast) flags &= ~(FIN | PSH);
      if (done > 0) flags &= ~CWR;
      segment[header + TCP_FLAGS] = flags;
    } else {
      writeUint16(segment, header + UDP_LENGTH, length - start);
    }
  }

  /** @param pseudo sum of the pseudo-header without the length of the segment */
  #leaveChecksum(length: number, pseudo: number): void {
    const { start, checksumOffset } = this.#transport;
    writeUint16(this.#bytes, this.#at + start + checksumOffset, fold(pseudo + (length - start)));
  }

  #finishChecksum(length: number): void {
    const { start, checksumOffset } = this.#transport;
    const header = this.#at + start;
    finishChecksum(this.#bytes, header, this.#at + length, header + checksumOffset);
  }
}
