import { FRAME_HEADER_LENGTH, receiveFrames } from "../protocol/frame.ts";
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
import type { ChannelContext } from "./channel_context.ts";
import { ChannelKeys, type UnitCiphers } from "./channel_keys.ts";
import type { ChannelOwner } from "./channel_owner.ts";
import { DropReason } from "./counters.ts";
import { REJECT_AFTER_RECORDS } from "./limits.ts";
import type { LivenessTiming } from "./liveness.ts";
import { SecureChannel, type UnitFormat } from "./secure_channel.ts";
import type { StreamQuality, StreamTransport } from "./transport.ts";

const FORMAT: UnitFormat = { headerLength: RECORD_HEADER_LENGTH, maxBatch: MAX_BATCH };

/** A channel of records over a connection that keeps their order and loses none. */
export class RecordChannel extends SecureChannel<ChannelKeys<RecordOpener>> {
  protected readonly transport: StreamTransport;
  /** At the last sample, and when that was. */
  #quality: StreamQuality | undefined;
  #sampledAt = 0;
  #stalledSince = Infinity;

  /**
   * @param handshake its keys are copied and zeroed
   * @see {SecureChannel}
   */
  constructor(
    owner: ChannelOwner,
    transport: StreamTransport,
    handshake: Handshake,
    capabilities: number,
    timing: LivenessTiming,
    context: ChannelContext,
  ) {
    const { suite, clock } = context;
    const ciphers: UnitCiphers<RecordOpener> = {
      sealer: (key, number) => new RecordSealer(suite, key, number),
      opener: (key, number) => new RecordOpener(suite, key, number),
    };
    const keys = new ChannelKeys(handshake, ciphers, clock.now);
    super(owner, keys, capabilities, timing, context, FORMAT);
    this.transport = transport;
  }

  /** Takes bytes of the connection; returns how many are done with, the rest is to come again. */
  receive(bytes: Uint8Array, offset: number, length: number): number {
    const done = this.#receiveRecords(bytes, offset, length);
    this.answerPings();
    return done;
  }

  /** TCP itself knows what it had to repeat, and what has arrived. */
  override sample(now: number): void {
    const [before, quality] = [this.#quality, this.transport.quality()];
    this.#quality = quality;
    const { segments, repeats, acknowledged, isPending } = quality;
    if (before !== undefined) {
      // The counts have 32 bits.
      const [sent, repeated] = [segments - before.segments, repeats - before.repeats];
      this.meter.loss.add(sent >>> 0, repeated >>> 0);
    }
    const isStalled = isPending && before?.isPending && acknowledged === before.acknowledged;
    this.#stalledSince = isStalled ? Math.min(this.#stalledSince, this.#sampledAt) : Infinity;
    this.meter.stalled(this.#stalledSince);
    this.#sampledAt = now;
  }

  protected override fits(length: number): boolean {
    if (this.batch.filled > this.transport.unitLimit) return false;
    const record = this.batch.filled + FRAME_HEADER_LENGTH + length + RECORD_OVERHEAD;
    return this.transport.hasRoom(record);
  }

  protected override sendBatch(slot: number, packets: number): void {
    if (packets === 0 || this.transport.hasRoom(this.batch.filled + RECORD_OVERHEAD)) {
      return this.#sealAndSend(slot);
    }
    // Nothing may be sealed that is not sent: the other end would miss a record.
    for (let i = 0; i < packets; i++) this.counters.drop(DropReason.OutboxFull);
  }

  #receiveRecords(bytes: Uint8Array, offset: number, length: number): number {
    for (let at = 0; !this.ended;) {
      const record = recordLength(bytes, offset + at, length - at);
      if (record === LOST) this.#forged();
      else if (record === INCOMPLETE || record > length - at) return at;
      else this.#receiveRecord(bytes, offset + at, record);
      at += record;
    }
    return length;
  }

  #receiveRecord(bytes: Uint8Array, offset: number, length: number): void {
    if (recordKeyNumber(bytes, offset) === this.keys.nextOpener?.number) this.useNextOpener();
    const opener = this.keys.opener;
    if (recordKeyNumber(bytes, offset) !== opener.number) return this.#forged();
    if (opener.count >= REJECT_AFTER_RECORDS) return this.lose("exhausted");
    if (!opener.open(bytes, offset, length)) return this.#forged();
    this.liveness.heard(this.context.clock.now);
    const batch = offset + RECORD_HEADER_LENGTH;
    if (!receiveFrames(this, bytes, batch, length - RECORD_OVERHEAD)) this.#forged();
  }

  #sealAndSend(slot: number): void {
    if (this.keys.sealer.count >= REJECT_AFTER_RECORDS) return this.lose("exhausted");
    const { bytes } = this.context.batches;
    const length = this.keys.sealer.seal(bytes, slot, this.batch.filled);
    this.liveness.sent(this.context.clock.now);
    if (!this.transport.send(bytes, slot, length)) this.lose("overrun");
  }

  #forged(): void {
    this.counters.drop(DropReason.Forged);
    this.lose("forged");
  }
}
