import { copyBytes } from "../packet/copy_bytes.ts";
import {
  gsoSizeOf,
  kindOf,
  type Offload,
  offloadOf,
  PacketKind,
  WHOLE,
} from "../packet/offload.ts";
import type { Segmenter } from "../packet/segmentation.ts";
import { UdpTrain } from "../packet/udp_train.ts";
import type { CipherSuite } from "../protocol/cipher.ts";
import { ControlType, PING_LENGTH } from "../protocol/control.ts";
import {
  FRAME_HEADER_LENGTH,
  type FrameReceiver,
  FrameType,
  MAX_FRAME_BODY,
  receiveFrames,
  writeFrameHeader,
} from "../protocol/frame.ts";
import { Capability } from "../protocol/hello.ts";
import type { Handshake } from "../protocol/noise.ts";
import {
  INCOMPLETE,
  LOST,
  MAX_BATCH,
  RECORD_HEADER_LENGTH,
  RECORD_OVERHEAD,
  recordKeyNumber,
  recordLength,
  RecordOpener,
  RecordSealer,
} from "../protocol/record.ts";
import type { Batches, BatchOwner } from "./batches.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { Due, Liveness, type LivenessTiming } from "./liveness.ts";
import { REJECT_AFTER_RECORDS, REJECT_AFTER_TIME } from "./limits.ts";
import { REKEY_AFTER_RECORDS, REKEY_AFTER_TIME } from "./limits.ts";
import type { Transport } from "./transport.ts";

/** What a channel tells the end that it serves. */
export interface ChannelOwner {
  /** A packet came; the bytes are good until this returns. */
  channelPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  /** A control message came, other than Ping and Pong; the body is a copy. */
  channelControl(type: number, body: Uint8Array): void;
  /** The channel cannot go on: what came is not what the other end sealed, or nothing more may be. */
  channelLost(reason: ChannelLoss): void;
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

/**
 * One end of a secure connection after its handshake: frames in, records out, and back. Packets are
 * batched until the end of the turn; control messages leave at once, in order. Keys change without a
 * pause: each end goes on opening with the old key until the first record with the new one comes.
 */
export class SecureChannel implements FrameReceiver, BatchOwner {
  readonly #owner: ChannelOwner;
  readonly #transport: Transport;
  readonly #context: ChannelContext;
  /** What both ends can take. */
  readonly #capabilities: number;
  readonly #liveness: Liveness;
  #sealer: RecordSealer;
  #opener: RecordOpener;
  /** Keys of a handshake that the other end has not used yet. */
  #nextOpener: RecordOpener | undefined;
  /** A server seals with these only after the client has: they prove that its answer arrived. */
  #nextSealer: RecordSealer | undefined;
  #keysSince: number;
  #keyNumber = 0;
  /** Where the slot begins, and how many bytes of the batch in it are filled; -1 without a slot. */
  #slot = -1;
  #filled = 0;
  #batchPackets = 0;
  /** The UDP packets of one flow that the batch ends with. */
  readonly #train = new UdpTrain();
  /** A ping that came in this turn. */
  #pinged: Uint8Array | undefined;
  #ended = false;

  /**
   * @param handshake its keys are copied and zeroed
   * @param capabilities what the other end can take
   */
  constructor(
    owner: ChannelOwner,
    transport: Transport,
    handshake: Handshake,
    capabilities: number,
    timing: LivenessTiming,
    context: ChannelContext,
  ) {
    const { now } = context.clock;
    this.#owner = owner;
    this.#transport = transport;
    this.#context = context;
    this.#capabilities = capabilities & context.capabilities;
    this.#liveness = new Liveness(timing, now);
    this.#keysSince = now;
    [this.#sealer, this.#opener] = this.#takeKeys(handshake);
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return Math.min(this.#liveness.deadline, this.#keysSince + REJECT_AFTER_TIME);
  }

  /** When keys are to be renewed, by whoever does that; Infinity while that is under way. */
  get rekeyDue(): number {
    if (this.#nextOpener !== undefined) return Infinity;
    const worn = Math.max(this.#sealer.count, this.#opener.count) >= REKEY_AFTER_RECORDS;
    return worn ? this.#context.clock.now : this.#keysSince + REKEY_AFTER_TIME;
  }

  /** Whether the other end has proved, by a record, that it has the keys. */
  get hasHeard(): boolean {
    return this.#opener.count > 0;
  }

  /** Whether a packet of any length would find room now. */
  get hasRoom(): boolean {
    return this.#fits(MAX_FRAME_BODY);
  }

  set timing(timing: LivenessTiming) {
    this.#liveness.timing = timing;
  }

  /** Sends the ping that is due by `now`, or ends a channel that is silent or has too old keys. */
  advance(now: number): void {
    if (now >= this.#keysSince + REJECT_AFTER_TIME) return this.#lose("exhausted");
    switch (this.#liveness.due(now)) {
      case Due.Probe:
        return this.sendControl(ControlType.Ping, new Uint8Array(PING_LENGTH));
      case Due.End:
        return this.#lose("silent");
    }
  }

  /** Takes bytes of the connection; returns how many are done with, the rest is to come again. */
  receive(bytes: Uint8Array, offset: number, length: number): number {
    const done = this.#receiveRecords(bytes, offset, length);
    // One answer to all pings that came together: they cost nobody more than they bring.
    if (this.#pinged !== undefined) this.sendControl(ControlType.Pong, this.#pinged);
    this.#pinged = undefined;
    return done;
  }

  /** Adds a packet to the batch of this turn, as ordinary ones if the other end takes no other. */
  sendPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    if (this.#ended) return;
    const { counters, segmenter } = this.#context;
    if (length <= MAX_FRAME_BODY && this.#isAgreed(kindOf(offload))) {
      this.#appendPacket(bytes, offset, length, offload);
    } else if (!segmenter.segment(bytes, offset, length, offload, this.#appendWhole)) {
      counters.drop(DropReason.Unsupported);
    }
  }

  /** Sends a control message at once, behind the packets that wait. */
  sendControl(type: ControlType, body: Uint8Array): void {
    if (this.#ended) return;
    this.flush();
    this.#append(FrameType.Control, type, 0, body, 0, body.length);
    this.flush();
  }

  /** @see {BatchOwner} */
  flush(): void {
    if (this.#slot < 0) return;
    const { batches, counters } = this.#context;
    this.#train.end();
    const slot = this.#slot;
    const filled = this.#filled;
    const packets = this.#batchPackets;
    this.#slot = -1;
    this.#filled = this.#batchPackets = 0;
    if (packets === 0 || this.#transport.hasRoom(filled + RECORD_OVERHEAD)) {
      this.#sealAndSend(slot, filled);
    } else {
      // Nothing may be sealed that is not sent: the other end would miss a record.
      for (let i = 0; i < packets; i++) counters.drop(DropReason.OutboxFull);
    }
    batches.give(this);
  }

  /**
   * Brings in the keys of a new handshake, which are copied and zeroed.
   *
   * @param confirmed whether the other end is known to have them: its answer is what brought them
   */
  rekey(handshake: Handshake, confirmed: boolean): void {
    // Nobody would destroy them any more.
    if (this.#ended) return;
    this.#nextSealer?.destroy();
    this.#nextOpener?.destroy();
    this.#keyNumber = (this.#keyNumber + 1) % CHANNEL_NUMBERS;
    [this.#nextSealer, this.#nextOpener] = this.#takeKeys(handshake);
    if (confirmed) this.#useNextSealer();
  }

  /** Destroys the keys; nothing is sent or told from now on. */
  end(): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    for (const keys of [this.#sealer, this.#opener, this.#nextSealer, this.#nextOpener]) {
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
      this.#context.counters.pass(Way.FromPeers, length);
      const offload = offloadOf(kind, gsoSize);
      if (this.#isAgreed(kind)) this.#owner.channelPacket(bytes, offset, length, offload);
      else this.#context.counters.drop(DropReason.Unsupported);
    } else if (type === FrameType.Control) {
      this.#receiveControl(kind, bytes.slice(offset, offset + length));
    }
    return !this.#ended;
  }

  #receiveRecords(bytes: Uint8Array, offset: number, length: number): number {
    for (let at = 0; !this.#ended;) {
      const record = recordLength(bytes, offset + at, length - at);
      if (record === LOST) this.#forged();
      else if (record === INCOMPLETE || record > length - at) return at;
      else this.#receiveRecord(bytes, offset + at, record);
      at += record;
    }
    return length;
  }

  #receiveRecord(bytes: Uint8Array, offset: number, length: number): void {
    if (recordKeyNumber(bytes, offset) === this.#nextOpener?.number) this.#useNextOpener();
    const opener = this.#opener;
    if (recordKeyNumber(bytes, offset) !== opener.number) return this.#forged();
    if (opener.count >= REJECT_AFTER_RECORDS) return this.#lose("exhausted");
    if (!opener.open(bytes, offset, length)) return this.#forged();
    this.#liveness.heard(this.#context.clock.now);
    const batch = offset + RECORD_HEADER_LENGTH;
    if (!receiveFrames(this, bytes, batch, length - RECORD_OVERHEAD)) this.#forged();
  }

  #receiveControl(type: number, body: Uint8Array): void {
    switch (type) {
      case ControlType.Ping:
        this.#pinged = body.subarray(0, PING_LENGTH);
        return;
      case ControlType.Pong:
        return;
      default:
        this.#owner.channelControl(type, body);
    }
  }

  #isAgreed(kind: number): boolean {
    if (kind === PacketKind.Whole) return true;
    const needed = kind === PacketKind.UdpSegments ? Capability.UdpSegments : Capability.Offload;
    return kind <= PacketKind.UdpSegments && (this.#capabilities & needed) !== 0;
  }

  readonly #appendWhole = (bytes: Uint8Array, offset: number, length: number): void => {
    this.#appendPacket(bytes, offset, length, WHOLE);
  };

  /** Whether the connection has room for the batch as it is and a packet of `length` bytes. */
  #fits(length: number): boolean {
    const record = this.#filled + FRAME_HEADER_LENGTH + length + RECORD_OVERHEAD;
    return this.#transport.hasRoom(record);
  }

  #appendPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    const { counters } = this.#context;
    if (length > MAX_FRAME_BODY) return counters.drop(DropReason.Malformed);
    // Each packet by its own length: a ping finds room where a flow's 64 KiB do not.
    if (!this.#fits(length)) return counters.drop(DropReason.OutboxFull);
    this.#batchPackets++;
    const kind = kindOf(offload);
    if (kind === PacketKind.PartialChecksum && this.#joinTrain(bytes, offset, length)) return;
    counters.pass(Way.ToPeers, length);
    const body = this.#append(FrameType.Packet, kind, gsoSizeOf(offload), bytes, offset, length);
    const { batches } = this.#context;
    if (kind === PacketKind.PartialChecksum) this.#train.begin(batches.bytes, body, length);
  }

  /** Joins a packet to the one that the batch ends with, as one frame, if both are of one UDP flow. */
  #joinTrain(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#filled + length > MAX_BATCH || !this.#isAgreed(PacketKind.UdpSegments)) return false;
    const train = this.#train;
    const grown = train.join(bytes, offset, length);
    if (grown === 0) return false;
    const { batches, counters } = this.#context;
    counters.grow(Way.ToPeers, grown);
    this.#filled += grown;
    const end = this.#slot + RECORD_HEADER_LENGTH + this.#filled;
    const frame = end - train.length - FRAME_HEADER_LENGTH;
    const { Packet } = FrameType;
    const kind = PacketKind.UdpSegments;
    writeFrameHeader(batches.bytes, frame, Packet, kind, train.gsoSize, train.length);
    return true;
  }

  /** Adds a frame to the batch; returns where its body is. */
  #append(
    type: FrameType,
    kind: number,
    gsoSize: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number {
    const { batches } = this.#context;
    this.#train.end();
    if (this.#filled + FRAME_HEADER_LENGTH + length > MAX_BATCH) this.flush();
    if (this.#slot < 0) this.#slot = batches.take(this);
    const at = this.#slot + RECORD_HEADER_LENGTH + this.#filled;
    writeFrameHeader(batches.bytes, at, type, kind, gsoSize, length);
    copyBytes(batches.bytes, at + FRAME_HEADER_LENGTH, bytes, offset, length);
    this.#filled += FRAME_HEADER_LENGTH + length;
    return at + FRAME_HEADER_LENGTH;
  }

  #sealAndSend(slot: number, filled: number): void {
    if (this.#sealer.count >= REJECT_AFTER_RECORDS) return this.#lose("exhausted");
    const { bytes } = this.#context.batches;
    const length = this.#sealer.seal(bytes, slot, filled);
    this.#liveness.sent(this.#context.clock.now);
    if (!this.#transport.send(bytes, slot, length)) this.#lose("overrun");
  }

  #takeKeys({ sendKey, receiveKey }: Handshake): [RecordSealer, RecordOpener] {
    const { suite } = this.#context;
    const sealer = new RecordSealer(suite, sendKey, this.#keyNumber);
    const opener = new RecordOpener(suite, receiveKey, this.#keyNumber);
    sendKey.fill(0);
    receiveKey.fill(0);
    return [sealer, opener];
  }

  #useNextOpener(): void {
    this.#opener.destroy();
    this.#opener = this.#nextOpener!;
    this.#nextOpener = undefined;
    this.#useNextSealer();
  }

  #useNextSealer(): void {
    if (this.#nextSealer === undefined) return;
    this.flush();
    this.#sealer.destroy();
    this.#sealer = this.#nextSealer;
    this.#nextSealer = undefined;
    this.#keysSince = this.#context.clock.now;
  }

  #forged(): void {
    this.#context.counters.drop(DropReason.Forged);
    this.#lose("forged");
  }

  #lose(reason: ChannelLoss): void {
    if (this.#ended) return;
    this.end();
    this.#owner.channelLost(reason);
  }
}
