/**
 * The classic protocol on the wire: IP packets back to back on one TCP connection, without preamble
 * or length prefix, and control packets of 20 bytes among them that are an IPv4 header and nothing
 * else. docs/protocol.md specifies every byte.
 */
import { LIMITED_BROADCAST, UNSPECIFIED } from "../address/ipv4_address.ts";
import { IPV4_HEADER_LENGTH, ipVersion, readUint32, writeUint32 } from "../packet/ipv4.ts";
import { IPV6_HEADER_LENGTH, IPV6_MAX_LENGTH } from "../packet/ipv6.ts";

/** Bytes of a control packet. */
export const CONTROL_LENGTH = IPV4_HEADER_LENGTH;

/** Longest packet that the stream can carry. */
export const MAX_PACKET_LENGTH = IPV6_MAX_LENGTH;

/** What `frameLength()` returns when the packet's own length has not arrived yet. */
export const INCOMPLETE = 0;

/** What `frameLength()` returns when no packet can start with these bytes: the stream is lost. */
export const LOST = -1;

/**
 * The first twelve bytes of a control packet as the C program of 2013 writes them: the header length
 * stands in the TOS byte, so that Total Length is 0. Source and destination follow.
 */
const CONTROL_PREFIX = new Uint8Array([0x45, 0x14, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0]);
const SOURCE = 12;
const DESTINATION = 16;

/**
 * Length of the packet at `offset`, of which `available` bytes are there: a count of bytes (which
 * may exceed `available`), INCOMPLETE or LOST.
 */
export function frameLength(bytes: Uint8Array, offset: number, available: number): number {
  if (available < 1) return INCOMPLETE;
  switch (ipVersion(bytes, offset)) {
    case 4:
      return available < 4 ? INCOMPLETE : ipv4FrameLength(bytes, offset);
    case 6:
      return available < 6
        ? INCOMPLETE
        : IPV6_HEADER_LENGTH + ((bytes[offset + 4]! << 8) | bytes[offset + 5]!);
    default:
      return LOST;
  }
}

function ipv4FrameLength(bytes: Uint8Array, offset: number): number {
  const headerLength = (bytes[offset]! & 15) * 4;
  const totalLength = ((bytes[offset + 2]! << 8) | bytes[offset + 3]!) || CONTROL_LENGTH;
  return headerLength < IPV4_HEADER_LENGTH || totalLength < headerLength ? LOST : totalLength;
}

/** What a packet of the stream is. */
export enum Kind {
  /** An IP packet to be passed on. */
  Packet,
  /** 0.0.0.0 to 0.0.0.0: "give me an address". */
  DynamicRequest,
  /** From the wanted address to 0.0.0.0: "give me this address". */
  StaticRequest,
  /** From 0.0.0.0 to the address given. */
  Reply,
  /** 255.255.255.255 to itself; the server returns it unaltered. */
  Keepalive,
  /** Total Length 0 between two ordinary addresses: neither a control packet nor a valid packet. */
  Unknown,
}

/** Kind of the whole packet of `length` bytes, as `frameLength()` counted them, at `offset`. */
export function classify(bytes: Uint8Array, offset: number, length: number): Kind {
  if (length !== CONTROL_LENGTH) return Kind.Packet;
  const source = controlSource(bytes, offset);
  const destination = controlDestination(bytes, offset);
  if (destination === UNSPECIFIED) {
    return source === UNSPECIFIED ? Kind.DynamicRequest : Kind.StaticRequest;
  }
  if (source === UNSPECIFIED) return Kind.Reply;
  if (source === LIMITED_BROADCAST && destination === LIMITED_BROADCAST) return Kind.Keepalive;
  const noLength = bytes[offset + 2] === 0 && bytes[offset + 3] === 0;
  return noLength ? Kind.Unknown : Kind.Packet;
}

/** Source field of the control packet at `offset`: in a static request, the address wanted. */
export function controlSource(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + SOURCE);
}

/** Destination field of the control packet at `offset`: in a reply, the address given. */
export function controlDestination(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + DESTINATION);
}

/** Writes the CONTROL_LENGTH bytes of a control packet at `offset`. */
export function writeControl(
  bytes: Uint8Array,
  offset: number,
  source: number,
  destination: number,
): void {
  bytes.set(CONTROL_PREFIX, offset);
  writeUint32(bytes, offset + SOURCE, source);
  writeUint32(bytes, offset + DESTINATION, destination);
}

/** Takes the packets of a stream, one after the other. */
export interface StreamReceiver {
  /** Takes one whole packet, control packets included. Returns false to be given no more. */
  receivePacket(bytes: Uint8Array, offset: number, length: number): boolean;
}

/**
 * Cuts the `length` bytes of the stream at `offset` into packets. Returns how many bytes those were
 * (the rest is the beginning of a packet, to be given again with more behind it), or LOST.
 */
export function receiveStream(
  receiver: StreamReceiver,
  bytes: Uint8Array,
  offset: number,
  length: number,
): number {
  let at = 0;
  for (;;) {
    const frame = frameLength(bytes, offset + at, length - at);
    if (frame === LOST) return LOST;
    if (frame === INCOMPLETE || frame > length - at) return at;
    if (!receiver.receivePacket(bytes, offset + at, frame)) return length;
    at += frame;
  }
}
