import { copyBytes } from "../packet/copy_bytes.ts";
import { gsoSizeOf, kindOf, type Offload, offloadOf, PacketKind } from "../packet/offload.ts";
import { mayBeTooMany, type PacketSink, type Segmenter } from "../packet/segmentation.ts";
import { UdpTrain } from "../packet/udp_train.ts";
import type { CipherSuite } from "../protocol/cipher.ts";
import { ControlType, PING_LENGTH } from "../protocol/control.ts";
import {
  FRAME_HEADER_LENGTH,
  type FrameReceiver,
  FrameType,
  MAX_FRAME_BODY,
  writeFrameHeader,
} from "../protocol/frame.ts";
import { Capability } from "../protocol/hello.ts";
import type { Handshake } from "../protocol/noise.ts";
import { readUint, uintValue } from "../protocol/items.ts";
import { PathMeter } from "./path_meter.ts";
import type { Batches, BatchOwner } from "./batches.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { type ConnectionReport, latestRoundTrip } from "./report.ts";
import type { Transport } from "./transport.ts";
import { Due, Liveness, type LivenessTiming } from "./liveness.ts";
import { REJECT_AFTER_TIME, REKEY_AFTER_RECORDS, REKEY_AFTER_TIME } from "./limits.ts";

/** What a channel tells the end that it serves. */
export interface ChannelOwner {
  /** A packet came; the bytes are good until this returns. */
  channelPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  /** A control message came, other than Ping and Pong; the body is a copy. */
  channelControl(type: number, body: Uint8Array): void;
  /** The channel cannot go on: what came is not what the other end sealed, or nothing more may be. */
  channelLost(reason: ChannelLoss): void;
  /** A packet cannot be sent since it is longer than `most` bytes, which is what the path takes. */
  channelTooLong(bytes: Uint8Array, offset: number, length: number, most: number): void;
}

export type ChannelLoss = "forged" | "silent" | "exhausted" | "overrun";

/** What all channels of a worker share. */
export interface ChannelContext {
  readonly suite: CipherSuite;
  readonly batches: Batches;
  readonly counters: Counters;
  /** What this end can take, as bits of Capability. */
  readonly capabilities: number;
  /** For those that can take less. */
  readonly segmenter: Segmenter;
  /** Milliseconds of one monotonic clock. */
  readonly clock: { readonly now: number };
}

const CHANNEL_NUMBERS = 256;

/** Bytes of the number that a Ping begins with, and of the count that a Pong may end with. */
const PROBE_NUMBER_LENGTH = 4;

/** Seals units (records, or datagrams of data), in place and with one key. */
export interface UnitSealer {
  /** Units sealed with this key. */
  readonly count: number;
  /** Makes a unit of the batch that stands a header's length behind `offset`; returns its length. */
  seal(bytes: Uint8Array, offset: number, length: number): number;
  destroy(): void;
}

/** Opens units with one key. */
export interface UnitOpener {
  readonly number: number;
  /** Units sealed with this key, as far as is known here. */
  readonly count: number;
  destroy(): void;
}

/** What the units of a channel are like. */
export interface UnitFormat<Opener extends UnitOpener> {
  /** Bytes in front of a unit's batch. */
  readonly headerLength: number;
  /** The keys' bytes are copied; keys have numbers from 0 to 255. */
  sealer(key: Uint8Array, number: number): UnitSealer;
  opener(key: Uint8Array, number: number): Opener;
}

/**
 * One end of a secure connection after its handshake: frames in, units out, and back. Packets are
 * batched until the end of the turn; control messages leave at once, in order. Keys change without a
 * pause: each end goes on opening with the old key until the first unit with the new one comes.
 */
export abstract class SecureChannel<Opener extends UnitOpener = UnitOpener>
  implements FrameReceiver, BatchOwner {
  /** What passed over this channel, and what was dropped of it. */
  readonly counters: Counters;
  protected readonly owner: ChannelOwner;
  protected readonly context: ChannelContext;
  protected abstract readonly transport: Transport;
  /** How the connection fares. */
  readonly meter = new PathMeter();
  protected readonly liveness: Liveness;
  protected sealer: UnitSealer;
  protected opener: Opener;
  /** Keys of a handshake that the other end has not used yet. */
  protected nextOpener: Opener | undefined;
  protected keysSince: number;
  protected ended = false;
  /** Where the slot begins; -1 without one. */
  protected slot = -1;
  /** Where in it the unit begins that is being filled, and how many bytes of its batch are. */
  protected unit = 0;
  protected filled = 0;
  readonly #format: UnitFormat<Opener>;
  /** What both ends can take. */
  readonly #capabilities: number;
  /** A server seals with these only after the client has: they prove that its answer arrived. */
  #nextSealer: UnitSealer | undefined;
  #keyNumber = 0;
  #batchPackets = 0;
  /** The UDP packets of one flow that the batch ends with. */
  readonly #train = new UdpTrain();
  readonly #begun: number;
  /** A ping that came in this turn. */
  #pinged: Uint8Array | undefined;

  /**
   * @param handshake its keys are copied and zeroed
   * @param capabilities what the other end can take
   */
  constructor(
    owner: ChannelOwner,
    handshake: Handshake,
    capabilities: number,
    timing: LivenessTiming,
    context: ChannelContext,
    format: UnitFormat<Opener>,
  ) {
    const { now } = context.clock;
    this.owner = owner;
    this.context = context;
    this.counters = context.counters.part();
    this.#begun = now;
    this.#format = format;
    this.#capabilities = capabilities & context.capabilities;
    this.liveness = new Liveness(timing, now);
    this.keysSince = now;
    [this.sealer, this.opener] = this.#takeKeys(handshake);
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return Math.min(this.liveness.deadline, this.keysSince + REJECT_AFTER_TIME);
  }

  /** When keys are to be renewed, by whoever does that; Infinity while that is under way. */
  get rekeyDue(): number {
    if (this.nextOpener !== undefined) return Infinity;
    const worn = Math.max(this.sealer.count, this.opener.count) >= REKEY_AFTER_RECORDS;
    return worn ? this.context.clock.now : this.keysSince + REKEY_AFTER_TIME;
  }

  /** Whether the other end has proved, by a unit, that it has the keys. */
  get hasHeard(): boolean {
    return this.opener.count > 0;
  }

  /** Whether a packet of any length would find room now. */
  get hasRoom(): boolean {
    return this.fits(MAX_FRAME_BODY);
  }

  set timing(timing: LivenessTiming) {
    this.liveness.timing = timing;
  }

  /** Other times from now on: the other end, which does not know of them yet, has a fresh start. */
  changeTiming(timing: LivenessTiming): void {
    this.liveness.restart(timing, this.context.clock.now);
  }

  /** How the channel fares, for a person. */
  report(now: number): ConnectionReport {
    return {
      remote: this.transport.remote,
      age: now - this.#begun,
      silence: now - this.liveness.heardAt,
      roundTrip: latestRoundTrip(this.meter, this.transport, now),
      counts: this.counters.copy(),
    };
  }

  /** Sends the ping that is due by `now`, or ends a channel that is silent or has too old keys. */
  advance(now: number): void {
    if (now >= this.keysSince + REJECT_AFTER_TIME) return this.lose("exhausted");
    switch (this.liveness.due(now)) {
      case Due.Probe:
        return this.probe(now);
      case Due.End:
        return this.lose("silent");
    }
  }

  /** Sends a Ping, by whose answer the meter learns. */
  probe(now: number): void {
    if (this.ended) return;
    this.flush();
    const body = new Uint8Array(PING_LENGTH);
    body.set(uintValue(this.meter.ask(this.unitsSent + 1, now), PROBE_NUMBER_LENGTH));
    this.sendControl(ControlType.Ping, body);
  }

  /** Tells the meter what is known without asking the other end. */
  sample(_now: number): void {}

  /** Adds a packet to the batch of this turn, as several if the other end takes it no other way. */
  sendPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    if (this.ended) return;
    const { segmenter } = this.context;
    const isAgreed = length <= MAX_FRAME_BODY && this.isAgreed(kindOf(offload));
    if (isAgreed && !mayBeTooMany(length, offload)) {
      return this.appendPacket(bytes, offset, length, offload);
    }
    const isSent = isAgreed
      ? segmenter.split(bytes, offset, length, offload, this.appendSegment)
      : segmenter.segment(bytes, offset, length, offload, this.appendSegment);
    if (!isSent) this.counters.drop(DropReason.Unsupported);
  }

  /** Sends a control message at once, behind the packets that wait. */
  sendControl(type: ControlType, body: Uint8Array): void {
    this.sendNumbered(type, 0, body);
  }

  /** Sends a control message that must arrive. */
  sendReliably(type: ControlType, body: Uint8Array): void {
    this.sendControl(type, body);
  }

  /** @see {BatchOwner} */
  flush(): void {
    if (this.slot < 0) return;
    this.#train.end();
    const slot = this.slot;
    const packets = this.#batchPackets;
    this.slot = -1;
    this.#batchPackets = 0;
    this.sendBatch(slot, packets);
    this.filled = 0;
    this.context.batches.give(this);
  }

  /**
   * Brings in the keys of a new handshake, which are copied and zeroed.
   *
   * @param confirmed whether the other end is known to have them: its answer is what brought them
   */
  rekey(handshake: Handshake, confirmed: boolean): void {
    // Nobody would destroy them any more.
    if (this.ended) return;
    this.#nextSealer?.destroy();
    this.nextOpener?.destroy();
    this.#keyNumber = (this.#keyNumber + 1) % CHANNEL_NUMBERS;
    [this.#nextSealer, this.nextOpener] = this.#takeKeys(handshake);
    if (confirmed) this.#useNextSealer();
  }

  /** Destroys the keys; nothing is sent or told from now on. */
  end(): void {
    if (this.ended) return;
    this.flush();
    this.ended = true;
    for (const keys of [this.sealer, this.opener, this.#nextSealer, this.nextOpener]) {
      keys?.destroy();
    }
  }

  /** @see {FrameReceiver} */
  receiveFrame(
    type: number,
    kind: number,
    gsoSize: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    if (type === FrameType.Packet) {
      this.counters.pass(Way.FromPeers, length);
      if (this.isAgreed(kind)) this.receivePacket(bytes, offset, length, kind, gsoSize);
      else this.counters.drop(DropReason.Unsupported);
    } else if (type === FrameType.Control) {
      this.receiveControl(kind, gsoSize, bytes.slice(offset, offset + length));
    } else if (type === FrameType.FirstPart || type === FrameType.LastPart) {
      this.receivePart(type, kind, bytes, offset, length);
    }
    return !this.ended;
  }

  /** Longest batch of a unit. */
  protected abstract get maxBatch(): number;

  /** Whether there is room for the batch as it is and a packet of `length` bytes. */
  protected abstract fits(length: number): boolean;

  /**
   * Seals and sends what is in a slot up to the unit that is being filled, that included.
   *
   * @param packets how many are in there; nothing else may be dropped
   */
  protected abstract sendBatch(slot: number, packets: number): void;

  /** The unit that is being filled is full: makes room for another. */
  protected nextUnit(): void {
    this.flush();
  }

  protected receivePacket(
    bytes: Uint8Array,
    offset: number,
    length: number,
    kind: number,
    gsoSize: number,
  ): void {
    this.owner.channelPacket(bytes, offset, length, offloadOf(kind, gsoSize));
  }

  /** A part of a packet came, which nobody sends where packets of any length pass. */
  protected receivePart(
    _type: FrameType.FirstPart | FrameType.LastPart,
    _kind: number,
    _bytes: Uint8Array,
    _offset: number,
    _length: number,
  ): void {
    this.counters.drop(DropReason.Unsupported);
  }

  /** @param _number 0 if it need not arrive */
  protected receiveControl(type: number, _number: number, body: Uint8Array): void {
    switch (type) {
      case ControlType.Ping:
        this.#pinged = body.subarray(0, PING_LENGTH);
        return;
      case ControlType.Pong:
        return this.#answered(body);
      default:
        this.owner.channelControl(type, body);
    }
  }

  /** One answer to all pings that came together: they cost nobody more than they bring. */
  protected answerPings(): void {
    if (this.#pinged !== undefined) this.sendControl(ControlType.Pong, this.pong(this.#pinged));
    this.#pinged = undefined;
  }

  /** Units that were sent so far, where it matters how many arrive. */
  protected get unitsSent(): number {
    return 0;
  }

  /** The answer to a Ping. */
  protected pong(ping: Uint8Array): Uint8Array {
    return ping;
  }

  protected sendNumbered(type: ControlType, number: number, body: Uint8Array): void {
    if (this.ended) return;
    this.flush();
    this.append(FrameType.Control, type, number, body, 0, body.length);
    this.flush();
  }

  /** Whether packets can be sent, and be taken, in two parts. */
  protected get hasParts(): boolean {
    return (this.#capabilities & Capability.Parts) !== 0;
  }

  /** Whether packets of a kind can be sent, and be taken. */
  protected isAgreed(kind: number): boolean {
    if (kind === PacketKind.Whole) return true;
    const needed = kind === PacketKind.UdpSegments ? Capability.UdpSegments : Capability.Offload;
    return kind <= PacketKind.UdpSegments && (this.#capabilities & needed) !== 0;
  }

  protected appendPacket(
    bytes: Uint8Array,
    offset: number,
    length: number,
    offload: Offload,
  ): void {
    const { counters } = this;
    if (length > MAX_FRAME_BODY) return counters.drop(DropReason.Malformed);
    // Each packet by its own length: a ping finds room where a flow's 64 KiB do not.
    if (!this.fits(length)) return counters.drop(DropReason.OutboxFull);
    this.#batchPackets++;
    const kind = kindOf(offload);
    if (kind === PacketKind.PartialChecksum && this.#joinTrain(bytes, offset, length)) return;
    counters.pass(Way.ToPeers, length);
    const body = this.append(FrameType.Packet, kind, gsoSizeOf(offload), bytes, offset, length);
    const { batches } = this.context;
    if (kind === PacketKind.PartialChecksum) this.#train.begin(batches.bytes, body, length);
  }

  /** The other end has the next keys, as a unit showed that was sealed with them. */
  protected useNextOpener(): void {
    this.opener = this.nextOpener!;
    this.nextOpener = undefined;
    this.#useNextSealer();
  }

  protected lose(reason: ChannelLoss): void {
    if (this.ended) return;
    this.end();
    this.owner.channelLost(reason);
  }

  /** For the segmenter. */
  protected readonly appendSegment: PacketSink = (bytes, offset, length, offload) =>
    this.appendPacket(bytes, offset, length, offload);

  /** Joins a packet to the one that the batch ends with, as one frame, if both are of one UDP flow. */
  #joinTrain(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.filled + length > this.maxBatch || !this.isAgreed(PacketKind.UdpSegments)) {
      return false;
    }
    const train = this.#train;
    const grown = train.join(bytes, offset, length);
    if (grown === 0) return false;
    const { batches } = this.context;
    this.counters.grow(Way.ToPeers, grown);
    this.filled += grown;
    const end = this.unit + this.#format.headerLength + this.filled;
    const frame = end - train.length - FRAME_HEADER_LENGTH;
    const { Packet } = FrameType;
    const kind = PacketKind.UdpSegments;
    writeFrameHeader(batches.bytes, frame, Packet, kind, train.gsoSize, train.length);
    return true;
  }

  /** Adds a frame to the batch; returns where its body is. */
  protected append(
    type: FrameType,
    kind: number,
    gsoSize: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number {
    const { batches } = this.context;
    this.#train.end();
    const isFull = this.filled + FRAME_HEADER_LENGTH + length > this.maxBatch;
    if (isFull && this.filled > 0) this.nextUnit();
    if (this.slot < 0) this.slot = this.unit = batches.take(this);
    const at = this.unit + this.#format.headerLength + this.filled;
    writeFrameHeader(batches.bytes, at, type, kind, gsoSize, length);
    copyBytes(batches.bytes, at + FRAME_HEADER_LENGTH, bytes, offset, length);
    this.filled += FRAME_HEADER_LENGTH + length;
    return at + FRAME_HEADER_LENGTH;
  }

  #answered(body: Uint8Array): void {
    if (body.length < PING_LENGTH) return;
    const uint = (at: number): number =>
      readUint(body.subarray(at, at + PROBE_NUMBER_LENGTH), PROBE_NUMBER_LENGTH);
    const received = body.length < PING_LENGTH + PROBE_NUMBER_LENGTH
      ? undefined
      : uint(PING_LENGTH);
    this.meter.answer(uint(0), received, this.context.clock.now);
  }

  #takeKeys({ sendKey, receiveKey }: Handshake): [UnitSealer, Opener] {
    const sealer = this.#format.sealer(sendKey, this.#keyNumber);
    const opener = this.#format.opener(receiveKey, this.#keyNumber);
    sendKey.fill(0);
    receiveKey.fill(0);
    return [sealer, opener];
  }

  #useNextSealer(): void {
    if (this.#nextSealer === undefined) return;
    this.flush();
    this.sealer.destroy();
    this.sealer = this.#nextSealer;
    this.#nextSealer = undefined;
    this.keysSince = this.context.clock.now;
  }
}
