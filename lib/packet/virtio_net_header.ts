/**
 * The header that the kernel puts, and wants, in front of each packet of a TUN device with offload:
 * struct virtio_net_hdr (linux/virtio_net.h), in host byte order, which is little-endian on both
 * supported machines.
 *
 * A header made of what came over the network would be input to kernel code that trusts it
 * (CVE-2024-43897 and its kin), so only kind and gso_size travel, and `write()` makes a new header from
 * a packet that it has checked.
 */
import { finishChecksum } from "./checksum.ts";
import { ipVersion } from "./ipv4.ts";
import {
  gsoSizeOf,
  kindOf,
  type Offload,
  offloadOf,
  PacketKind,
  TCP_LEAST_GSO_SIZE,
  WHOLE,
} from "./offload.ts";
import { TCP, TransportHeader, UDP } from "./transport_header.ts";
import { MAX_UDP_SEGMENTS } from "./udp_train.ts";

export const VIRTIO_NET_HEADER_LENGTH = 10;

const FLAGS = 0;
const GSO_TYPE = 1;
const HDR_LEN = 2;
const GSO_SIZE = 4;
const CSUM_START = 6;
const CSUM_OFFSET = 8;

const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
const VIRTIO_NET_HDR_GSO_NONE = 0;
const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
const VIRTIO_NET_HDR_GSO_ECN = 0x80;

/** As a gso_size this is no size but a mark of the kernel's own (linux/skbuff.h), to be kept from it. */
const GSO_BY_FRAGS = 0xffff;

/** What `read()` returns for a packet that cannot be passed on. */
export const UNREADABLE = -1;

/** By IP version. */
const GSO_TCP: Readonly<Record<number, number>> = {
  4: VIRTIO_NET_HDR_GSO_TCPV4,
  6: VIRTIO_NET_HDR_GSO_TCPV6,
};

/** Reads and writes the headers of IP packets. One per user, so that nothing is allocated. */
export class VirtioNetHeader {
  readonly #transport = new TransportHeader();

  /**
   * Reads the header in front of the packet of `length` bytes at `offset`, as the kernel gave both.
   * Returns what the packet leaves undone, or UNREADABLE. A checksum that others would not know how
   * to finish is finished here.
   */
  read(bytes: Uint8Array, offset: number, length: number): Offload {
    const header = offset - VIRTIO_NET_HEADER_LENGTH;
    const gsoType = bytes[header + GSO_TYPE]!;
    if ((bytes[header + FLAGS]! & VIRTIO_NET_HDR_F_NEEDS_CSUM) === 0) {
      return gsoType === VIRTIO_NET_HDR_GSO_NONE ? WHOLE : UNREADABLE;
    }
    const start = readLittle(bytes, header + CSUM_START);
    const field = readLittle(bytes, header + CSUM_OFFSET);
    const isKnown = this.#transport.set(bytes, offset, length) &&
      start === this.#transport.start && field === this.#transport.checksumOffset;
    const gsoSize = readLittle(bytes, header + GSO_SIZE);
    if (isKnown) return offloadOf(this.#kindOf(gsoType), gsoSize);
    if (gsoType !== VIRTIO_NET_HDR_GSO_NONE || start + field + 2 > length) return UNREADABLE;
    finishChecksum(bytes, offset + start, offset + length, offset + start + field);
    return WHOLE;
  }

  /**
   * Writes a header into the VIRTIO_NET_HEADER_LENGTH bytes in front of the packet of `length` bytes at
   * `offset`. Returns false if the packet is not what `offload` says.
   */
  write(bytes: Uint8Array, offset: number, length: number, offload: Offload): boolean {
    const header = offset - VIRTIO_NET_HEADER_LENGTH;
    bytes.fill(0, header, offset);
    if (offload === WHOLE) return true;
    const transport = this.#transport;
    if (!transport.set(bytes, offset, length)) return false;
    bytes[header + FLAGS] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    writeLittle(bytes, header + CSUM_START, transport.start);
    writeLittle(bytes, header + CSUM_OFFSET, transport.checksumOffset);
    const kind = kindOf(offload);
    if (kind === PacketKind.PartialChecksum) return true;
    const gsoSize = gsoSizeOf(offload);
    if (!this.#isSuperPacket(kind, gsoSize, length)) return false;
    bytes[header + GSO_TYPE] = gsoTypeOf(kind, ipVersion(bytes, offset));
    writeLittle(bytes, header + HDR_LEN, transport.headersLength);
    writeLittle(bytes, header + GSO_SIZE, gsoSize);
    return true;
  }

  #kindOf(gsoType: number): PacketKind {
    switch (gsoType) {
      case VIRTIO_NET_HDR_GSO_TCPV4:
      case VIRTIO_NET_HDR_GSO_TCPV6:
        return PacketKind.TcpSegments;
      case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
      case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
        return PacketKind.TcpSegmentsEcn;
      case VIRTIO_NET_HDR_GSO_UDP_L4:
        return PacketKind.UdpSegments;
      default:
        return PacketKind.PartialChecksum;
    }
  }

  /** Whether the packet that the view is at can be cut as `kind` and `gsoSize` say. */
  #isSuperPacket(kind: number, gsoSize: number, length: number): boolean {
    const { protocol, headersLength } = this.#transport;
    const payload = length - headersLength;
    if (gsoSize === 0 || gsoSize === GSO_BY_FRAGS || payload === 0) return false;
    switch (kind) {
      case PacketKind.TcpSegments:
      case PacketKind.TcpSegmentsEcn:
        return protocol === TCP && gsoSize >= TCP_LEAST_GSO_SIZE;
      case PacketKind.UdpSegments:
        return protocol === UDP && payload <= gsoSize * MAX_UDP_SEGMENTS;
      default:
        return false;
    }
  }
}

/** @param kind one of the kinds of super-packets */
function gsoTypeOf(kind: number, version: number): number {
  if (kind === PacketKind.UdpSegments) return VIRTIO_NET_HDR_GSO_UDP_L4;
  const ecn = kind === PacketKind.TcpSegmentsEcn ? VIRTIO_NET_HDR_GSO_ECN : 0;
  return GSO_TCP[version]! | ecn;
}

function readLittle(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8);
}

function writeLittle(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >> 8;
}
