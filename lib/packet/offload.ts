/**
 * What a packet leaves to whoever handles it next, as one number: the kind, and for a super-packet how
 * many bytes of payload each of its segments has (gso_size). 0 is an ordinary packet.
 */
export type Offload = number;

/** An ordinary packet, all of its checksums right. */
export const WHOLE: Offload = 0;

/**
 * Least gso_size of a TCP super-packet that a kernel makes (TCP_MIN_GSO_SIZE, net/tcp.h). With smaller
 * ones a packet from the network could cost whoever cuts it 65,000 times as much as one.
 */
export const TCP_LEAST_GSO_SIZE = 8;

/** Kinds of packets, numbered as on the wire (docs/protocol.md). */
export enum PacketKind {
  /** As WHOLE. */
  Whole = 0,
  /** The TCP or UDP checksum is unfinished: its field holds the pseudo-header's sum. */
  PartialChecksum = 1,
  /** A TCP super-packet: to be cut into segments, its checksum unfinished. */
  TcpSegments = 2,
  /** The same, with CWR on the first segment only (RFC 3168). */
  TcpSegmentsEcn = 3,
  /** A UDP super-packet: to be cut into datagrams, its checksum unfinished. */
  UdpSegments = 4,
}

export function offloadOf(kind: number, gsoSize: number): Offload {
  return kind * 0x10000 + gsoSize;
}

export function kindOf(offload: Offload): number {
  return offload >>> 16;
}

/** A packet whose checksum is unfinished, and nothing else. */
export const PARTIAL: Offload = offloadOf(PacketKind.PartialChecksum, 0);

export function gsoSizeOf(offload: Offload): number {
  return offload & 0xffff;
}
