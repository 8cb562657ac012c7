import { assert } from "@std/assert";
import { OUTBOX_LIMIT, OUTBOX_RESERVE } from "../../lib/session/limits.ts";
import type { StreamQuality, StreamTransport } from "../../lib/session/transport.ts";
import type { Random } from "../random.ts";
import type { Clock } from "./clock.ts";

/** Whom an end of a wire hands its bytes to: a client, a server's peer, or a puppet. */
export interface Session {
  /** Takes what came; returns how many bytes are done with. The rest is given again with more. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number;
  /** The connection ended, not by `Transport.close()`. */
  disconnected(reason: string, now: number): void;
}

/** How bytes travel. */
export interface Way {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds from one end to the other, at the least and at the most. */
  readonly delay: readonly [least: number, most: number];
}

/** One unit as it was sent. */
export interface Sent {
  time: number;
  bytes: Uint8Array;
}

/** Bytes on their way, or the news that there will be no more. */
interface Flight {
  arrival: number;
  bytes: Uint8Array;
  ending?: string;
}

const NOTHING = new Uint8Array(0);

/** One connection, in memory: a stream of bytes each way that may be cut and joined anywhere. */
export class Wire {
  readonly client: WireEnd;
  readonly server: WireEnd;

  constructor(way: Way) {
    this.client = new WireEnd(way);
    this.server = new WireEnd(way);
    this.client.join(this.server);
    this.server.join(this.client);
  }

  /** From now on bytes vanish both ways and neither end is told, as with a firewall that forgot. */
  silence(): void {
    this.client.silence();
    this.server.silence();
  }

  /** For so long nothing comes through; then everything does that was on its way. */
  stall(milliseconds: number): void {
    this.client.stall(milliseconds);
    this.server.stall(milliseconds);
  }

  /** Ends the connection from outside: what is on its way is lost, and both ends are told. */
  break(): void {
    this.client.break();
    this.server.break();
  }
}

/** One end of a wire. */
export class WireEnd implements StreamTransport {
  /** All that was sent from this end, whatever became of it. */
  readonly sent: Sent[] = [];
  /** What somebody on the way makes of a unit sent from here, the first of which is number 0. */
  tamper: (unit: Uint8Array, number: number) => Uint8Array[] = (unit) => [unit];
  /** Bytes that are on their way at the most before others have to wait in an outbox. */
  window = Infinity;
  /** Units that had to be sent again, as this end's machine would know it. */
  repeats = 0;
  #acknowledged = 0;
  readonly #way: Way;
  #other: WireEnd | undefined;
  #session: Session | undefined;
  /** What is on its way to this end, in order. */
  #flights: Flight[] = [];
  /** What has come, but was not handed over yet. */
  #arrived: Uint8Array = NOTHING;
  /** What was handed over, but is not done with. */
  #rest: Uint8Array = NOTHING;
  #ending: string | undefined;
  #stalledUntil = 0;
  #silent = false;
  #muted = false;
  #closed = false;
  #aborted = false;

  constructor(way: Way) {
    this.#way = way;
  }

  /** Whether this end was closed, or told that the connection ended. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether this end itself ended the connection by a reset. */
  get isAborted(): boolean {
    return this.#aborted;
  }

  /** Says where what is sent from here arrives; once, before anything else. */
  join(other: WireEnd): void {
    this.#other = other;
  }

  /** Says whom the bytes are for; before any arrive. */
  attach(session: Session): void {
    this.#session = session;
  }

  /** @see {Transport} */
  send(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#closed) return true;
    if (this.#waiting + length > OUTBOX_LIMIT + OUTBOX_RESERVE) return false;
    const copy = bytes.slice(offset, offset + length);
    assert(copy.length === length, "A unit lies within its buffer");
    const units = this.tamper(copy, this.sent.length);
    this.sent.push({ time: this.#way.clock.now, bytes: copy });
    if (!this.#silent) { for (const unit of units) this.#other!.#expect(unit); }
    return true;
  }

  /** @see {Transport} */
  hasRoom(length: number): boolean {
    return this.#waiting + length <= OUTBOX_LIMIT;
  }

  /** @see {Transport} */
  readonly remote = "192.0.2.1:2002";
  readonly roundTrip = 42;

  /** @see {StreamTransport} */
  readonly unitLimit = Infinity;

  quality(): StreamQuality {
    const sent = this.sent.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const acknowledged = this.#acknowledged;
    const { repeats } = this;
    return {
      segments: this.sent.length + repeats,
      repeats,
      acknowledged,
      isPending: acknowledged < sent,
    };
  }

  /** @see {Transport} */
  mute(): void {
    this.#muted = true;
  }

  /** @see {Transport} */
  abort(): void {
    if (this.#closed) return;
    this.#closed = this.#aborted = true;
    if (!this.#silent) this.#other!.#reset();
  }

  /** @see {Transport} */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#silent) this.#other!.#expect(NOTHING, "the connection was closed");
  }

  /** What is on its way to here, and what is sent from here, vanishes. */
  silence(): void {
    this.#silent = true;
    this.#flights = [];
  }

  /** For so long nothing comes to this end. */
  stall(milliseconds: number): void {
    this.#stalledUntil = this.#way.clock.now + milliseconds;
  }

  /** This end learns soon that the connection broke, if anything still comes through. */
  break(): void {
    if (this.#silent) return;
    this.silence();
    this.#expect(NOTHING, "the connection broke");
  }

  /** Bytes in this end's outbox: what was sent and has not come, beyond what the way holds. */
  get #waiting(): number {
    return Math.max(0, this.#other!.#coming - this.window);
  }

  get #coming(): number {
    return this.#flights.reduce((sum, { bytes }) => sum + bytes.length, this.#arrived.length);
  }

  /** What is on its way to here is lost, and this end learns soon that the other has thrown it away. */
  #reset(): void {
    if (this.#silent) return;
    this.#flights = [];
    this.#arrived = NOTHING;
    this.#expect(NOTHING, "the connection was reset");
  }

  #expect(bytes: Uint8Array, ending?: string): void {
    const { clock, random, delay } = this.#way;
    const time = random.integer(...delay);
    const first = Math.max(clock.now, this.#stalledUntil) + time;
    const arrival = Math.max(first, this.#flights.at(-1)?.arrival ?? 0);
    this.#flights.push({ arrival, bytes, ...(ending === undefined ? {} : { ending }) });
    clock.after(arrival - clock.now, () => this.#arrive());
  }

  #arrive(): void {
    if (this.#closed || this.#muted) return;
    const { clock, random } = this.#way;
    const wait = this.#session === undefined ? 1 : this.#stalledUntil - clock.now;
    if (wait > 0) return clock.after(wait, () => this.#arrive());
    while (this.#flights.length > 0 && this.#flights[0]!.arrival <= clock.now) {
      const { bytes, ending } = this.#flights.shift()!;
      this.#other!.#acknowledged += bytes.length;
      this.#arrived = joined(this.#arrived, bytes);
      this.#ending ??= ending;
    }
    this.#handOver(this.#arrived.length > 0 ? this.#piece() : 0);
    if (this.#arrived.length > 0) clock.after(random.integer(0, 2), () => this.#arrive());
    else this.#end();
  }

  /** How many of the bytes that have come are handed over together. */
  #piece(): number {
    const { random } = this.#way;
    const all = this.#arrived.length;
    switch (random.integer(0, 3)) {
      case 0:
        return 0;
      case 1:
        return random.integer(1, Math.min(all, 50));
      case 2:
        return random.integer(1, all);
      default:
        return all;
    }
  }

  /** Hands bytes over somewhere in a buffer that nobody may look at afterwards. */
  #handOver(count: number): void {
    if (count === 0) return;
    const { clock, random } = this.#way;
    const given = joined(this.#rest, this.#arrived.subarray(0, count));
    this.#arrived = this.#arrived.subarray(count);
    const offset = random.integer(0, 9);
    const buffer = new Uint8Array(offset + given.length + 9).fill(0x4f);
    buffer.set(given, offset);
    const done = this.#session!.receive(buffer, offset, given.length, clock.now);
    assert(done >= 0 && done <= given.length, "Only bytes that were given can be done with");
    this.#rest = given.subarray(done);
    buffer.fill(0xff);
  }

  #end(): void {
    if (this.#ending === undefined || this.#closed) return;
    this.#closed = true;
    this.#session!.disconnected(this.#ending, this.#way.clock.now);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
