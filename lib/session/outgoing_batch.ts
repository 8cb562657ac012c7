import { copyBytes } from "../packet/copy_bytes.ts";
import { PacketKind } from "../packet/offload.ts";
import { UdpTrain } from "../packet/udp_train.ts";
import { FRAME_HEADER_LENGTH, FrameType, writeFrameHeader } from "../protocol/frame.ts";
import type { Batches, BatchOwner } from "./batches.ts";

/** Sends what a batch was filled with. */
export interface BatchSender {
  /** The unit that is being filled has no room for a frame: makes room for it in another one. */
  nextUnit(): void;
  /**
   * Seals and sends what is in a slot up to the unit that is being filled, that included.
   *
   * @param packets how many are in there; nothing else may be dropped
   */
  sendBatch(slot: number, packets: number): void;
}

/**
 * The frames that a channel is going to send at the end of the turn, in a slot that it has for as long as
 * there are any. They stand in a unit, behind room for its header; it is the sender's to seal a unit
 * where it lies, and to begin another one in the same slot.
 */
export class OutgoingBatch implements BatchOwner {
  /** Bytes of frames that a unit takes at the most. */
  most: number;
  /** Where the slot begins; -1 without one. */
  slot = -1;
  /** Where in it the unit begins that is being filled, and how many bytes of frames are in there. */
  unit = 0;
  filled = 0;
  readonly #sender: BatchSender;
  readonly #batches: Batches;
  readonly #headerLength: number;
  #packets = 0;
  /** The UDP packets of one flow that the batch ends with. */
  readonly #train = new UdpTrain();

  /** @param headerLength bytes in front of a unit's frames */
  constructor(sender: BatchSender, batches: Batches, headerLength: number, most: number) {
    this.#sender = sender;
    this.#batches = batches;
    this.#headerLength = headerLength;
    this.most = most;
  }

  /** Adds a packet. */
  addPacket(
    kind: PacketKind,
    gsoSize: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const body = this.add(FrameType.Packet, kind, gsoSize, bytes, offset, length);
    // Only now: what was in the way may have been sent.
    this.#packets++;
    if (kind === PacketKind.PartialChecksum) this.#train.begin(this.#batches.bytes, body, length);
  }

  /**
   * Joins a packet with a partial checksum to the one that the batch ends with, as one frame, if both
   * are of one UDP flow. Returns by how many bytes that grew; 0 if they are not, or there is no room.
   */
  join(bytes: Uint8Array, offset: number, length: number): number {
    if (this.filled + length > this.most) return 0;
    const train = this.#train;
    const grown = train.join(bytes, offset, length);
    if (grown === 0) return 0;
    this.#packets++;
    this.filled += grown;
    const end = this.unit + this.#headerLength + this.filled;
    const frame = end - train.length - FRAME_HEADER_LENGTH;
    const { Packet } = FrameType;
    const kind = PacketKind.UdpSegments;
    writeFrameHeader(this.#batches.bytes, frame, Packet, kind, train.gsoSize, train.length);
    return grown;
  }

  /** Adds a frame; returns where its body is. */
  add(
    type: FrameType,
    kind: number,
    gsoSize: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number {
    const batches = this.#batches;
    this.#train.end();
    const isFull = this.filled + FRAME_HEADER_LENGTH + length > this.most;
    if (isFull && this.filled > 0) this.#sender.nextUnit();
    if (this.slot < 0) this.slot = this.unit = batches.take(this);
    const at = this.unit + this.#headerLength + this.filled;
    writeFrameHeader(batches.bytes, at, type, kind, gsoSize, length);
    copyBytes(batches.bytes, at + FRAME_HEADER_LENGTH, bytes, offset, length);
    this.filled += FRAME_HEADER_LENGTH + length;
    return at + FRAME_HEADER_LENGTH;
  }

  /** @see {BatchOwner} */
  flush(): void {
    if (this.slot < 0) return;
    this.#train.end();
    const slot = this.slot;
    const packets = this.#packets;
    this.slot = -1;
    this.#packets = 0;
    this.#sender.sendBatch(slot, packets);
    this.filled = 0;
    this.#batches.give(this);
  }
}
