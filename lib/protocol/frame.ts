/**
 * Frames: what a record's batch is made of. Each has a header of 6 bytes,
 *
 *     u8 type | u8 kind | u16 gso_size | u16 length
 *
 * and `length` bytes behind it. Types that are not known are passed over.
 */

export const FRAME_HEADER_LENGTH = 6;

/** Most bytes that a frame can carry. */
export const MAX_FRAME_BODY = 65_535;

export enum FrameType {
  /** Ends the batch: whatever follows it is padding, this frame's header included. */
  Padding = 0,
  /** One IP packet; its kind is a PacketKind (lib/packet/offload.ts). */
  Packet = 1,
  /** One control message; its kind is a ControlType. */
  Control = 2,
  /** The beginning of a packet, and the rest of it, of the packet's kind; in datagrams alone. */
  FirstPart = 3,
  LastPart = 4,
}

/** Takes the frames of a batch, one after the other. */
export interface FrameReceiver {
  /** The bytes are good until it returns. Returns false to be given no more. */
  receiveFrame(
    type: number,
    kind: number,
    gsoSize: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean;
}

/** Writes a frame's header; `length` bytes of body belong behind it. */
export function writeFrameHeader(
  bytes: Uint8Array,
  offset: number,
  type: FrameType,
  kind: number,
  gsoSize: number,
  length: number,
): void {
  bytes[offset] = type;
  bytes[offset + 1] = kind;
  bytes[offset + 2] = gsoSize >> 8;
  bytes[offset + 3] = gsoSize;
  bytes[offset + 4] = length >> 8;
  bytes[offset + 5] = length;
}

/** Cuts a batch into frames. Returns false if the last one is cut off. */
export function receiveFrames(
  receiver: FrameReceiver,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const end = offset + length;
  let at = offset;
  while (at < end && bytes[at] !== FrameType.Padding) {
    const body = at + FRAME_HEADER_LENGTH;
    if (body > end) return false;
    const gsoSize = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const size = (bytes[at + 4]! << 8) | bytes[at + 5]!;
    if (body + size > end) return false;
    if (!receiver.receiveFrame(bytes[at]!, bytes[at + 1]!, gsoSize, bytes, body, size)) return true;
    at = body + size;
  }
  return true;
}
