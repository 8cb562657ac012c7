import { kindOf, type Offload, PacketKind } from "../packet/offload.ts";
import { ControlType } from "../protocol/control.ts";
import { DATA_HEADER_LENGTH, DATA_OVERHEAD } from "../protocol/datagram.ts";
import {
  dataCounter,
  dataKeyNumber,
  type DataOpener,
  Opened,
} from "../protocol/datagram_cipher.ts";
import { FRAME_HEADER_LENGTH, FrameType, receiveFrames } from "../protocol/frame.ts";
import { readUint, uintValue } from "../protocol/items.ts";
import type { Handshake } from "../protocol/noise.ts";
import { Batches } from "./batches.ts";
import type { ChannelContext } from "./channel_context.ts";
import type { ChannelOwner } from "./channel_owner.ts";
import { DropReason, Way } from "./counters.ts";
import { DatagramKeys } from "./datagram_keys.ts";
import { DatagramRuns } from "./datagram_runs.ts";
import { CLOSE_COPIES, DATAGRAM_LEAST, DATAGRAM_MOST, REJECT_AFTER_RECORDS } from "./limits.ts";
import type { LivenessTiming } from "./liveness.ts";
import { MAX_PARTED } from "./packet_parts.ts";
import { Reassembly } from "./reassembly.ts";
import { ReliableControl } from "./reliable_control.ts";
import { SecureChannel, type UnitFormat } from "./secure_channel.ts";
import type { DatagramTransport } from "./transport.ts";

/** Bytes that a datagram has beyond the one packet in it. */
export const PACKET_OVERHEAD = DATA_OVERHEAD + FRAME_HEADER_LENGTH;

/** What a datagram with a segment has beyond the segment's payload, or a little more. */
const SEGMENT_OVERHEAD = PACKET_OVERHEAD + 100;

/** Bytes of an acknowledged number. */
const NUMBER_LENGTH = 2;

const FORMAT: UnitFormat = {
  headerLength: DATA_HEADER_LENGTH,
  maxBatch: DATAGRAM_LEAST - DATA_OVERHEAD,
};

/**
 * A channel over datagrams, any of which may be lost, doubled, late, or somebody else's. The units of a
 * batch stand in one slot, one behind the other, so that all are sent at once.
 */
export class DatagramChannel extends SecureChannel<DatagramKeys> {
  protected readonly transport: DatagramTransport;
  readonly #reliable: ReliableControl;
  readonly #reassembly: Reassembly;
  /** What is sealed already of the batch. */
  readonly #sealed = new DatagramRuns();
  /** Datagrams of data that were sent, and that were received, each once. */
  #sent = 0;
  #received = 0;

  /**
   * @param handshake its keys are copied and zeroed
   * @param index by which the other end knows its end
   * @see {SecureChannel}
   */
  constructor(
    owner: ChannelOwner,
    transport: DatagramTransport,
    index: number,
    handshake: Handshake,
    capabilities: number,
    timing: LivenessTiming,
    context: ChannelContext,
  ) {
    const { suite, clock } = context;
    const keys = new DatagramKeys(handshake, suite, index, clock.now);
    super(owner, keys, capabilities, timing, context, FORMAT);
    this.transport = transport;
    this.#reassembly = new Reassembly(owner, this.counters);
    this.#reliable = new ReliableControl({
      sendPart: (type, number, part) => this.sendNumbered(type, number, part),
      acknowledge: (number) =>
        this.sendControl(ControlType.Acknowledge, uintValue(number, NUMBER_LENGTH)),
      deliver: (type, body) => owner.channelControl(type, body),
    }, DATAGRAM_LEAST - PACKET_OVERHEAD);
  }

  /** Bytes of the longest datagram that is sent. */
  get longest(): number {
    return this.batch.most + DATA_OVERHEAD;
  }

  /** @param longest is brought within DATAGRAM_LEAST and DATAGRAM_MOST */
  set longest(longest: number) {
    this.batch.flush();
    const bound = Math.min(Math.max(longest, DATAGRAM_LEAST), DATAGRAM_MOST);
    this.batch.most = bound - DATA_OVERHEAD;
  }

  /** Bytes of the longest packet that is sent: in one datagram, or in two as far as IPv6 needs that. */
  get longestPacket(): number {
    return this.hasParts ? Math.max(this.#mostAlone, MAX_PARTED) : this.#mostAlone;
  }

  override get deadline(): number {
    return Math.min(super.deadline, this.#reliable.deadline);
  }

  override advance(now: number): void {
    this.keys.advance(now);
    this.#reliable.advance(now);
    super.advance(now);
  }

  /**
   * Opens a datagram of data in place, and says what it is. What it carries is taken by `take()`, unless
   * it is forged or replayed.
   */
  open(bytes: Uint8Array, offset: number, length: number): Opened {
    const opener = this.ended ? undefined : this.keys.openerOf(dataKeyNumber(bytes, offset));
    const opened = opener?.open(bytes, offset, length, REJECT_AFTER_RECORDS) ?? Opened.Forged;
    if (opened === Opened.Forged) this.counters.drop(DropReason.Forged);
    else if (opened === Opened.Replayed) this.counters.drop(DropReason.Replayed);
    else this.#heard(opener!);
    // What was sealed with older keys is older, whatever its counter.
    return opened === Opened.Newest && opener !== this.keys.opener ? Opened.Late : opened;
  }

  /** Takes what an opened datagram carries. */
  take(bytes: Uint8Array, offset: number, length: number): void {
    const batch = offset + DATA_HEADER_LENGTH;
    const key = this.keys.openerOf(dataKeyNumber(bytes, offset));
    this.#reassembly.begin(key, dataCounter(bytes, offset));
    // It is authentic, so the other end is out of its mind, or of another version.
    if (!receiveFrames(this, bytes, batch, length - DATA_OVERHEAD)) this.lose("forged");
  }

  /** All that came together was taken; its bytes are good until this returns. */
  settle(): void {
    this.#reassembly.flush();
    this.answerPings();
  }

  override sendPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    const kind = kindOf(offload);
    const isSuper = kind >= PacketKind.TcpSegments;
    const longest = this.longestPacket;
    if (length <= (isSuper ? this.#mostAlone : longest)) {
      return super.sendPacket(bytes, offset, length, offload);
    }
    if (this.ended) return;
    const { counters } = this;
    if (!this.transport.hasRoom(length)) return counters.drop(DropReason.OutboxFull);
    if (isSuper && this.#sendSegments(bytes, offset, length, offload)) return;
    counters.drop(DropReason.TooLong);
    this.owner.channelTooLong(bytes, offset, length, longest);
  }

  override sendControl(type: ControlType, body: Uint8Array): void {
    const copies = type === ControlType.Close ? CLOSE_COPIES : 1;
    for (let i = 0; i < copies; i++) super.sendControl(type, body);
  }

  override sendReliably(type: ControlType, body: Uint8Array): void {
    this.#reliable.send(type, body, this.context.clock.now);
  }

  /** A packet that does not fit into a datagram goes on in the next one. */
  protected override appendPacket(
    bytes: Uint8Array,
    offset: number,
    length: number,
    offload: Offload,
  ): void {
    const most = this.#mostAlone;
    if (length <= most) return super.appendPacket(bytes, offset, length, offload);
    const { counters } = this;
    if (!this.fits(length)) return counters.drop(DropReason.OutboxFull);
    counters.pass(Way.ToPeers, length);
    const kind = kindOf(offload);
    // The datagram that is being filled takes what it can, as long as the rest fits into one.
    const room = most - this.batch.filled;
    const first = length - room <= most ? room : most;
    this.batch.add(FrameType.FirstPart, kind, 0, bytes, offset, first);
    this.batch.add(FrameType.LastPart, kind, 0, bytes, offset + first, length - first);
  }

  protected override get unitsSent(): number {
    return this.#sent;
  }

  protected override get unitsReceived(): number {
    return this.#received;
  }

  protected override fits(length: number): boolean {
    return this.transport.hasRoom(length);
  }

  protected override receivePacket(
    bytes: Uint8Array,
    offset: number,
    length: number,
    kind: number,
    gsoSize: number,
  ): void {
    this.#reassembly.addPacket(bytes, offset, length, kind, gsoSize);
  }

  protected override receivePart(
    type: FrameType,
    kind: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (!this.hasParts || kind > PacketKind.PartialChecksum || !this.isAgreed(kind)) {
      return this.counters.drop(DropReason.Unsupported);
    }
    this.#reassembly.addPart(type === FrameType.LastPart, bytes, offset, length, kind);
  }

  protected override receiveControl(type: number, number: number, body: Uint8Array): void {
    this.#reassembly.flush();
    if (number !== 0) {
      this.#reliable.receive(type, number, body);
    } else if (type !== ControlType.Acknowledge) {
      super.receiveControl(type, number, body);
    } else if (body.length === NUMBER_LENGTH) {
      this.#reliable.acknowledged(readUint(body, NUMBER_LENGTH), this.context.clock.now);
    }
  }

  /** The next unit stands behind this one as long as the slot has room for it. */
  protected override nextUnit(): void {
    const { batch } = this;
    this.#seal();
    if (!this.#sealed.hasRoom(batch.unit - batch.slot)) batch.flush();
  }

  protected override sendBatch(slot: number): void {
    if (this.batch.filled > 0) this.#seal();
    this.#sealed.send(this.transport, this.context.batches.bytes, slot);
    this.liveness.sent(this.context.clock.now);
  }

  /** Sends a super-packet as segments; returns false if they are too long. */
  #sendSegments(bytes: Uint8Array, offset: number, length: number, offload: Offload): boolean {
    // Those of a stream can be cut so short that each goes alone.
    const isStream = kindOf(offload) !== PacketKind.UdpSegments;
    const most = isStream ? this.#mostAlone : this.longestPacket;
    const isPartial = this.isAgreed(PacketKind.PartialChecksum);
    const { batch, context: { segmenter } } = this;
    // All in one slot leave by fewer calls, and arrive by fewer.
    const room = length + Math.ceil(length / most) * SEGMENT_OVERHEAD;
    if (batch.slot >= 0 && batch.unit + room > batch.slot + Batches.SLOT) batch.flush();
    return segmenter.segment(bytes, offset, length, offload, this.appendSegment, most, !isPartial);
  }

  /** Seals the datagram that is being filled; the next one begins behind it. */
  #seal(): void {
    const { batch, keys: { sealer } } = this;
    if (sealer.count >= REJECT_AFTER_RECORDS) {
      batch.filled = 0;
      return this.lose("exhausted");
    }
    const size = sealer.seal(this.context.batches.bytes, batch.unit, batch.filled);
    this.#sealed.add(size);
    this.#sent++;
    batch.unit += size;
    batch.filled = 0;
  }

  /** Bytes of the longest packet that fits into one datagram. */
  get #mostAlone(): number {
    return this.batch.most - FRAME_HEADER_LENGTH;
  }

  #heard(opener: DataOpener): void {
    this.#received++;
    this.liveness.heard(this.context.clock.now);
    if (opener === this.keys.nextOpener) this.useNextOpener();
  }
}
