import type { Origin } from "../../lib/session/connection.ts";
import type { DatagramSender } from "../../lib/session/datagram_door.ts";
import { DATAGRAM_MOST } from "../../lib/session/limits.ts";
import type { DatagramTransport } from "../../lib/session/transport.ts";
import type { Random } from "../random.ts";
import type { Clock } from "./clock.ts";

/** Whom the datagrams are for that come to an address. */
export interface DatagramSession {
  receiveDatagram(
    bytes: Uint8Array,
    offset: number,
    length: number,
    sender: DatagramSender,
    now: number,
  ): void;
  settle(): void;
}

/** One datagram as it was sent. */
export interface SentDatagram {
  time: number;
  from: string;
  to: string;
  bytes: Uint8Array;
}

/** Datagrams between addresses ("host:port") in memory: some are lost, doubled, or late. */
export class Datagrams {
  /** Of a datagram, from 0 to 1. */
  loss = 0;
  doubling = 0;
  /** Milliseconds on the way, at the least and at the most: what is sent later may come earlier. */
  delay: readonly [least: number, most: number] = [1, 40];
  /** Whether a datagram of so many bytes from one address to another vanishes. */
  blocks: (from: string, to: string, length: number) => boolean = () => false;
  /** Longer ones vanish. */
  longest = Infinity;
  /** All that was sent, whatever became of it. */
  readonly sent: SentDatagram[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sessions = new Map<string, DatagramSession>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Says whom datagrams to an address are for. */
  bind(address: string, session: DatagramSession): void {
    this.#sessions.set(address, session);
  }

  unbind(address: string): void {
    this.#sessions.delete(address);
  }

  /** Sends a datagram, which goes the way of them, if the address it is sent from is still in use. */
  send(from: string, to: string, bytes: Uint8Array): void {
    if (!this.#sessions.has(from)) return;
    const random = this.#random;
    this.sent.push({ time: this.#clock.now, from, to, bytes });
    const copies = random.next() < this.doubling ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (random.next() < this.loss || bytes.length > this.longest) continue;
      if (this.blocks(from, to, bytes.length)) continue;
      this.#clock.after(random.integer(...this.delay), () => this.deliver(from, to, bytes));
    }
  }

  /** Hands a datagram over now, wherever it comes from in truth. */
  deliver(from: string, to: string, bytes: Uint8Array): void {
    const session = this.#sessions.get(to);
    if (session === undefined) return;
    const offset = this.#random.integer(0, 9);
    const buffer = new Uint8Array(offset + bytes.length + 9).fill(0x4f);
    buffer.set(bytes, offset);
    const sender = new SimSender(this, from, to);
    session.receiveDatagram(buffer, offset, bytes.length, sender, this.#clock.now);
    session.settle();
    sender.isDone = true;
    buffer.fill(0xff);
  }
}

/** The sender of the datagram that is being received. */
class SimSender implements DatagramSender {
  isDone = false;
  readonly #datagrams: Datagrams;
  readonly #from: string;
  readonly #to: string;

  constructor(datagrams: Datagrams, from: string, to: string) {
    this.#datagrams = datagrams;
    this.#from = from;
    this.#to = to;
    current = this;
  }

  get from(): string {
    return this.#from;
  }

  get address(): Uint8Array {
    return new TextEncoder().encode(this.#from);
  }

  hashNetwork(seed: number): number {
    let hash = seed;
    for (const byte of new TextEncoder().encode(this.origin().network)) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    return (hash ^ hash >>> 16) >>> 0;
  }

  origin(): Origin {
    const [host] = this.#from.split(":");
    return { host: host!, network: host!.slice(0, host!.lastIndexOf(".")) };
  }

  transport(): DatagramPath {
    return new DatagramPath(this.#datagrams, this.#to, this.#from);
  }
}

/** Whose datagram is being received. */
let current: SimSender | undefined;

/** The way from an address to another, both of which may become others. */
export class DatagramPath implements DatagramTransport {
  longest = DATAGRAM_MOST;
  from: string;
  to: string;
  readonly #datagrams: Datagrams;
  #closed = false;

  constructor(datagrams: Datagrams, from: string, to: string) {
    this.#datagrams = datagrams;
    this.from = from;
    this.to = to;
  }

  get remote(): string {
    return this.to;
  }

  readonly roundTrip = undefined;

  send(bytes: Uint8Array, offset: number, length: number): boolean {
    this.sendRun(bytes, offset, length, length);
    return true;
  }

  sendRun(bytes: Uint8Array, offset: number, length: number, size: number): void {
    if (this.#closed) return;
    for (let at = 0; at < length; at += size) {
      const end = Math.min(at + size, length);
      this.#datagrams.send(this.from, this.to, bytes.slice(offset + at, offset + end));
    }
  }

  follow(): void {
    if (current === undefined || current.isDone) throw new Error("No datagram is being received");
    this.to = current.from;
  }

  hasRoom(): boolean {
    return true;
  }

  mute(): void {}

  abort(): void {
    this.close();
  }

  close(): void {
    this.#closed = true;
  }
}
