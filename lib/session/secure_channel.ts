import { gsoSizeOf, kindOf, type Offload, offloadOf, PacketKind } from "../packet/offload.ts";
import { mayBeTooMany, type PacketSink } from "../packet/segmentation.ts";
import { ControlType } from "../protocol/control.ts";
import { type FrameReceiver, FrameType, MAX_FRAME_BODY } from "../protocol/frame.ts";
import { Capability } from "../protocol/hello.ts";
import type { Handshake } from "../protocol/noise.ts";
import { readPong, writePing, writePong } from "../protocol/ping.ts";
import type { ChannelContext } from "./channel_context.ts";
import type { ChannelKeys } from "./channel_keys.ts";
import type { ChannelLoss, ChannelOwner } from "./channel_owner.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { Due, Liveness, type LivenessTiming } from "./liveness.ts";
import { OutgoingBatch } from "./outgoing_batch.ts";
import { PathMeter } from "./path_meter.ts";
import { type ConnectionReport, latestRoundTrip } from "./report.ts";
import type { Transport } from "./transport.ts";

/** What the units of a channel (records, or datagrams of data) are like. */
export interface UnitFormat {
  /** Bytes in front of a unit's batch. */
  readonly headerLength: number;
  /** Bytes of a batch at the most. */
  readonly maxBatch: number;
}

/**
 * One end of a secure connection after its handshake: frames in, units out, and back. Packets are
 * batched until the end of the turn; control messages leave at once, in order.
 */
export abstract class SecureChannel<Keys extends ChannelKeys = ChannelKeys>
  implements FrameReceiver {
  /** What passed over this channel, and what was dropped of it. */
  readonly counters: Counters;
  protected readonly owner: ChannelOwner;
  protected readonly context: ChannelContext;
  protected abstract readonly transport: Transport;
  /** How the connection fares. */
  readonly meter = new PathMeter();
  protected readonly liveness: Liveness;
  protected readonly keys: Keys;
  /** What is going to be sent. */
  protected readonly batch: OutgoingBatch;
  protected ended = false;
  /** What both ends can take. */
  readonly #capabilities: number;
  readonly #begun: number;
  /** A ping that came in this turn. */
  #pinged: Uint8Array | undefined;

  /** @param capabilities what the other end can take */
  constructor(
    owner: ChannelOwner,
    keys: Keys,
    capabilities: number,
    timing: LivenessTiming,
    context: ChannelContext,
    format: UnitFormat,
  ) {
    const { now } = context.clock;
    this.owner = owner;
    this.keys = keys;
    this.context = context;
    this.counters = context.counters.part();
    this.#begun = now;
    this.#capabilities = capabilities & context.capabilities;
    this.liveness = new Liveness(timing, now);
    const sender = {
      nextUnit: (): void => this.nextUnit(),
      sendBatch: (slot: number, packets: number): void => this.sendBatch(slot, packets),
    };
    const { headerLength, maxBatch } = format;
    this.batch = new OutgoingBatch(sender, context.batches, headerLength, maxBatch);
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return Math.min(this.liveness.deadline, this.keys.deadline);
  }

  /** When keys are to be renewed, by whoever does that; Infinity while that is under way. */
  get rekeyDue(): number {
    return this.keys.renewalDue(this.context.clock.now);
  }

  /** Whether the other end has proved, by a unit, that it has the keys. */
  get hasHeard(): boolean {
    return this.keys.opener.count > 0;
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
    if (this.keys.areSpent(now)) return this.lose("exhausted");
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
    this.batch.flush();
    const number = this.meter.ask(this.unitsSent + 1, now);
    this.sendControl(ControlType.Ping, writePing(number));
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

  /**
   * Brings in the keys of a new handshake, which are copied and zeroed.
   *
   * @param confirmed whether the other end is known to have them: its answer is what brought them
   */
  rekey(handshake: Handshake, confirmed: boolean): void {
    // Nobody would destroy them any more.
    if (this.ended) return;
    this.keys.renew(handshake);
    if (confirmed) this.#useNextSealer();
  }

  /** Destroys the keys; nothing is sent or told from now on. */
  end(): void {
    if (this.ended) return;
    this.batch.flush();
    this.ended = true;
    this.keys.destroy();
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

  /** Whether there is room for the batch as it is and a packet of `length` bytes. */
  protected abstract fits(length: number): boolean;

  /** @see {BatchSender} */
  protected abstract sendBatch(slot: number, packets: number): void;

  /** @see {BatchSender} */
  protected nextUnit(): void {
    this.batch.flush();
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
        this.#pinged = body;
        return;
      case ControlType.Pong:
        return this.#answered(body);
      default:
        this.owner.channelControl(type, body);
    }
  }

  /** One answer to all pings that came together: they cost nobody more than they bring. */
  protected answerPings(): void {
    if (this.#pinged === undefined) return;
    this.sendControl(ControlType.Pong, writePong(this.#pinged, this.unitsReceived));
    this.#pinged = undefined;
  }

  /** Units that were sent so far, where it matters how many arrive. */
  protected get unitsSent(): number {
    return 0;
  }

  /** Units that came so far, where that matters. */
  protected get unitsReceived(): number | undefined {
    return undefined;
  }

  protected sendNumbered(type: ControlType, number: number, body: Uint8Array): void {
    if (this.ended) return;
    this.batch.flush();
    this.batch.add(FrameType.Control, type, number, body, 0, body.length);
    this.batch.flush();
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
    const kind = kindOf(offload);
    if (kind === PacketKind.PartialChecksum && this.isAgreed(PacketKind.UdpSegments)) {
      const grown = this.batch.join(bytes, offset, length);
      if (grown > 0) return counters.grow(Way.ToPeers, grown);
    }
    counters.pass(Way.ToPeers, length);
    this.batch.addPacket(kind, gsoSizeOf(offload), bytes, offset, length);
  }

  /** The other end has the next keys, as a unit showed that was sealed with them. */
  protected useNextOpener(): void {
    this.keys.useNextOpener();
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

  #answered(body: Uint8Array): void {
    const pong = readPong(body);
    if (pong !== undefined) this.meter.answer(pong.number, pong.received, this.context.clock.now);
  }

  #useNextSealer(): void {
    if (!this.keys.hasNextSealer) return;
    this.batch.flush();
    this.keys.useNextSealer(this.context.clock.now);
  }
}
