import { kindOf, type Offload, offloadOf, PacketKind, PARTIAL } from "../packet/offload.ts";
import { TcpTrain } from "../packet/tcp_train.ts";
import { ControlType } from "../protocol/control.ts";
import {
  DATA_HEADER_LENGTH,
  DATA_OVERHEAD,
  dataCounter,
  dataKeyNumber,
  DataOpener,
  DataSealer,
  Opened,
} from "../protocol/datagram.ts";
import { FRAME_HEADER_LENGTH, FrameType, receiveFrames } from "../protocol/frame.ts";
import { readUint, uintValue } from "../protocol/items.ts";
import type { Handshake } from "../protocol/noise.ts";
import { Batches } from "./batches.ts";
import { DropReason, Way } from "./counters.ts";
import {
  CLOSE_COPIES,
  DATAGRAM_LEAST,
  DATAGRAM_MOST,
  KEEP_PREVIOUS_KEYS,
  REJECT_AFTER_RECORDS,
} from "./limits.ts";
import type { LivenessTiming } from "./liveness.ts";
import { MAX_PARTED, NO_PART, PacketParts, WAITING } from "./packet_parts.ts";
import { ReliableControl } from "./reliable_control.ts";
import { type ChannelContext, type ChannelOwner, SecureChannel } from "./secure_channel.ts";
import type { DatagramTransport } from "./transport.ts";

/** Bytes that a datagram has beyond the one packet in it. */
export const PACKET_OVERHEAD = DATA_OVERHEAD + FRAME_HEADER_LENGTH;

/** What a datagram with a segment has beyond the segment's payload, or a little more. */
const SEGMENT_OVERHEAD = PACKET_OVERHEAD + 100;

/** Bytes of the count of datagrams with which a Pong ends. */
const COUNT_LENGTH = 4;

/** Bytes of an acknowledged number. */
const NUMBER_LENGTH = 2;

/** Datagrams in a slot at the most: of two that follow one another, one is more than half full. */
const MAX_DATAGRAMS = 2 * Math.ceil(Batches.SLOT / DATAGRAM_LEAST) + 2;

/** What `UDP_SEGMENT` takes in one call (UDP_MAX_SEGMENTS before Linux 6.2; a UDP packet's length). */
const MAX_RUN = 64;
const MAX_RUN_BYTES = 65_000;

/**
 * A channel over datagrams, any of which may be lost, doubled, late, or somebody else's. The units of a
 * batch stand in one slot, one behind the other, so that all are sent at once.
 */
export class DatagramChannel extends SecureChannel<DataOpener> {
  protected readonly transport: DatagramTransport;
  readonly #reliable: ReliableControl;
  /** Keys from before the present ones, for what comes late. */
  #previousOpener: DataOpener | undefined;
  #longest = DATAGRAM_LEAST;
  /** Segments of a stream that came together. */
  readonly #train = new TcpTrain();
  /** Made when the first part of a packet comes. */
  #parts: PacketParts | undefined;
  /** Of the datagram whose frames are being taken. */
  #key: DataOpener | undefined;
  #counter = 0;
  /** Lengths of the sealed datagrams in the slot. */
  readonly #sizes = new Uint16Array(MAX_DATAGRAMS);
  #count = 0;
  /** Datagrams of data that were sent, and that were received, each once. */
  #sent = 0;
  #received = 0;

  /**
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
    const { suite } = context;
    super(owner, handshake, capabilities, timing, context, {
      headerLength: DATA_HEADER_LENGTH,
      sealer: (key, number) => new DataSealer(suite, key, number, index),
      opener: (key, number) => new DataOpener(suite, key, number),
    });
    this.transport = transport;
    this.#reliable = new ReliableControl({
      sendPart: (type, number, part) => this.sendNumbered(type, number, part),
      acknowledge: (number) =>
        this.sendControl(ControlType.Acknowledge, uintValue(number, NUMBER_LENGTH)),
      deliver: (type, body) => owner.channelControl(type, body),
    }, DATAGRAM_LEAST - PACKET_OVERHEAD);
  }

  /** Bytes of the longest datagram that is sent. */
  get longest(): number {
    return this.#longest;
  }

  /** @param longest is brought within DATAGRAM_LEAST and DATAGRAM_MOST */
  set longest(longest: number) {
    this.flush();
    this.#longest = Math.min(Math.max(longest, DATAGRAM_LEAST), DATAGRAM_MOST);
  }

  /** Bytes of the longest packet that is sent: in one datagram, or in two as far as IPv6 needs that. */
  get longestPacket(): number {
    return this.hasParts ? Math.max(this.#mostAlone, MAX_PARTED) : this.#mostAlone;
  }

  override get deadline(): number {
    const previous = this.#previousOpener ? this.keysSince + KEEP_PREVIOUS_KEYS : Infinity;
    return Math.min(super.deadline, this.#reliable.deadline, previous);
  }

  override advance(now: number): void {
    if (now >= this.keysSince + KEEP_PREVIOUS_KEYS) this.#forgetPrevious();
    this.#reliable.advance(now);
    super.advance(now);
  }

  override end(): void {
    super.end();
    this.#forgetPrevious();
  }

  /**
   * Opens a datagram of data in place, and says what it is. What it carries is taken by `take()`, unless
   * it is forged or replayed.
   */
  open(bytes: Uint8Array, offset: number, length: number): Opened {
    const opener = this.ended ? undefined : this.#openerOf(dataKeyNumber(bytes, offset));
    const opened = opener?.open(bytes, offset, length, REJECT_AFTER_RECORDS) ?? Opened.Forged;
    if (opened === Opened.Forged) this.counters.drop(DropReason.Forged);
    else if (opened === Opened.Replayed) this.counters.drop(DropReason.Replayed);
    else this.#heard(opener!);
    // What was sealed with older keys is older, whatever its counter.
    return opened === Opened.Newest && opener !== this.opener ? Opened.Late : opened;
  }

  /** Takes what an opened datagram carries. */
  take(bytes: Uint8Array, offset: number, length: number): void {
    const batch = offset + DATA_HEADER_LENGTH;
    this.#key = this.#openerOf(dataKeyNumber(bytes, offset));
    this.#counter = dataCounter(bytes, offset);
    // It is authentic, so the other end is out of its mind, or of another version.
    if (!receiveFrames(this, bytes, batch, length - DATA_OVERHEAD)) this.lose("forged");
  }

  /** All that came together was taken; its bytes are good until this returns. */
  settle(): void {
    this.#deliverTrain();
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
    const room = most - this.filled;
    const first = length - room <= most ? room : most;
    this.append(FrameType.FirstPart, kind, 0, bytes, offset, first);
    this.append(FrameType.LastPart, kind, 0, bytes, offset + first, length - first);
  }

  protected override get unitsSent(): number {
    return this.#sent;
  }

  /** With how many datagrams have come. */
  protected override pong(ping: Uint8Array): Uint8Array {
    const body = new Uint8Array(ping.length + COUNT_LENGTH);
    body.set(ping);
    body.set(uintValue(this.#received, COUNT_LENGTH), ping.length);
    return body;
  }

  protected override get maxBatch(): number {
    return this.#longest - DATA_OVERHEAD;
  }

  protected override fits(length: number): boolean {
    return this.transport.hasRoom(length);
  }

  /** Segments of a stream that follow one another are handed over as one. */
  protected override receivePacket(
    bytes: Uint8Array,
    offset: number,
    length: number,
    kind: number,
    gsoSize: number,
  ): void {
    const train = this.#train;
    if (kind === PacketKind.PartialChecksum && train.join(bytes, offset, length)) return;
    this.#deliverTrain();
    if (kind === PacketKind.PartialChecksum && train.begin(bytes, offset, length)) return;
    super.receivePacket(bytes, offset, length, kind, gsoSize);
  }

  protected override receivePart(
    type: FrameType,
    kind: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const { counters } = this;
    if (!this.hasParts || kind > PacketKind.PartialChecksum || !this.isAgreed(kind)) {
      return counters.drop(DropReason.Unsupported);
    }
    const parts = this.#parts ??= new PacketParts(() => counters.drop(DropReason.Incomplete));
    const isLast = type === FrameType.LastPart;
    const whole = parts.add(this.#key, this.#counter, isLast, kind, bytes, offset, length);
    if (whole === NO_PART) counters.drop(DropReason.Malformed);
    if (whole === NO_PART || whole === WAITING) return;
    counters.pass(Way.FromPeers, whole);
    this.#deliverTrain();
    // No train can begin there: nothing has room behind it.
    super.receivePacket(parts.bytes, parts.offset, whole, kind, 0);
  }

  protected override receiveControl(type: number, number: number, body: Uint8Array): void {
    this.#deliverTrain();
    if (number !== 0) {
      this.#reliable.receive(type, number, body);
    } else if (type !== ControlType.Acknowledge) {
      super.receiveControl(type, number, body);
    } else if (body.length === NUMBER_LENGTH) {
      this.#reliable.acknowledged(readUint(body, NUMBER_LENGTH), this.context.clock.now);
    }
  }

  protected override useNextOpener(): void {
    this.#forgetPrevious();
    this.#previousOpener = this.opener;
    super.useNextOpener();
  }

  protected override nextUnit(): void {
    this.#seal();
    const isFull = this.unit + DATAGRAM_MOST > this.slot + Batches.SLOT ||
      this.#count === MAX_DATAGRAMS;
    if (isFull) this.flush();
  }

  protected override sendBatch(slot: number): void {
    if (this.filled > 0) this.#seal();
    const count = this.#count;
    this.#count = 0;
    for (let i = 0, at = slot; i < count;) {
      const size = this.#sizes[i]!;
      let length = size;
      let end = i + 1;
      while (end < count && this.#joinsRun(size, length, end - i, end)) {
        length += this.#sizes[end++]!;
      }
      this.transport.sendRun(this.context.batches.bytes, at, length, size);
      at += length;
      i = end;
    }
    this.liveness.sent(this.context.clock.now);
  }

  /** Sends a super-packet as segments; returns false if they are too long. */
  #sendSegments(bytes: Uint8Array, offset: number, length: number, offload: Offload): boolean {
    // Those of a stream can be cut so short that each goes alone.
    const isStream = kindOf(offload) !== PacketKind.UdpSegments;
    const most = isStream ? this.#mostAlone : this.longestPacket;
    const isPartial = this.isAgreed(PacketKind.PartialChecksum);
    // All in one slot leave by fewer calls, and arrive by fewer.
    const room = length + Math.ceil(length / most) * SEGMENT_OVERHEAD;
    if (this.slot >= 0 && this.unit + room > this.slot + Batches.SLOT) this.flush();
    const { segmenter } = this.context;
    return segmenter.segment(bytes, offset, length, offload, this.appendSegment, most, !isPartial);
  }

  /** Whether datagram `i` goes on a run of `count` ones of `size` bytes, `length` in all. */
  #joinsRun(size: number, length: number, count: number, i: number): boolean {
    return this.#sizes[i - 1] === size && this.#sizes[i]! <= size && count < MAX_RUN &&
      length + size <= MAX_RUN_BYTES;
  }

  /** Seals the datagram that is being filled; the next one begins behind it. */
  #seal(): void {
    if (this.sealer.count >= REJECT_AFTER_RECORDS) {
      this.filled = 0;
      return this.lose("exhausted");
    }
    const size = this.sealer.seal(this.context.batches.bytes, this.unit, this.filled);
    this.#sizes[this.#count++] = size;
    this.#sent++;
    this.unit += size;
    this.filled = 0;
  }

  /** Bytes of the longest packet that fits into one datagram. */
  get #mostAlone(): number {
    return this.#longest - PACKET_OVERHEAD;
  }

  #openerOf(number: number): DataOpener | undefined {
    if (number === this.opener.number) return this.opener;
    if (number === this.nextOpener?.number) return this.nextOpener;
    return number === this.#previousOpener?.number ? this.#previousOpener : undefined;
  }

  #heard(opener: DataOpener): void {
    this.#received++;
    this.liveness.heard(this.context.clock.now);
    if (opener === this.nextOpener) this.useNextOpener();
  }

  #deliverTrain(): void {
    const { bytes, offset, length, count, gsoSize } = this.#train;
    if (length === 0) return;
    this.#train.clear();
    const offload = count === 1 ? PARTIAL : offloadOf(PacketKind.TcpSegments, gsoSize);
    this.owner.channelPacket(bytes, offset, length, offload);
  }

  #forgetPrevious(): void {
    this.#previousOpener?.destroy();
    this.#previousOpener = undefined;
  }
}
