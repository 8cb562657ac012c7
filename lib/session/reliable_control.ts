import type { ControlType } from "../protocol/control.ts";
import { RETRANSMIT_FIRST, RETRANSMIT_LONGEST } from "./limits.ts";

/** Numbers of messages go from 1 to this, and around; 0 is that of messages that need not arrive. */
const NUMBERS = 0xffff;

/** Longest message that is put together of parts. */
const MAX_MESSAGE = 65_535;

/** First byte of a part: whether the message goes on in the next one. */
const MORE = 1;
const LAST = 0;

/** What a reliable control line needs of the channel that it is part of. */
export interface ControlPorts {
  /** Sends one part; it may be lost. */
  sendPart(type: ControlType, number: number, part: Uint8Array): void;
  /** Tells the other end that a part came. */
  acknowledge(number: number): void;
  /** A message came, once and in order. */
  deliver(type: number, body: Uint8Array): void;
}

interface Part {
  readonly type: ControlType;
  readonly bytes: Uint8Array;
}

/**
 * Control messages that must arrive, over datagrams that may not: each has a number and is repeated
 * until the other end has acknowledged it, and only then comes the next (stop and wait). Messages that
 * are too long for a datagram go in parts.
 */
export class ReliableControl {
  readonly #ports: ControlPorts;
  readonly #longestPart: number;
  readonly #queue: Part[] = [];
  #number = 1;
  #pause = RETRANSMIT_FIRST;
  #repeatAt = Infinity;
  #received = 0;
  #parts: Uint8Array[] = [];

  /** @param longest bytes of a part, its first one included */
  constructor(ports: ControlPorts, longest: number) {
    this.#ports = ports;
    this.#longestPart = longest - 1;
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return this.#repeatAt;
  }

  /** Sends a message, when those before it have arrived. */
  send(type: ControlType, body: Uint8Array, now: number): void {
    const idle = this.#queue.length === 0;
    for (let at = 0; at === 0 || at < body.length; at += this.#longestPart) {
      const end = at + this.#longestPart;
      const bytes = Uint8Array.of(end < body.length ? MORE : LAST, ...body.subarray(at, end));
      this.#queue.push({ type, bytes });
    }
    if (idle) this.#sendFirst(now);
  }

  /** Repeats what is due by `now`. */
  advance(now: number): void {
    if (now < this.#repeatAt) return;
    this.#pause = Math.min(2 * this.#pause, RETRANSMIT_LONGEST);
    this.#transmit(now);
  }

  /** The other end has a part. */
  acknowledged(number: number, now: number): void {
    if (number !== this.#number || this.#queue.shift() === undefined) return;
    this.#number = next(number);
    this.#repeatAt = Infinity;
    if (this.#queue.length > 0) this.#sendFirst(now);
  }

  /** Takes a part that came. */
  receive(type: number, number: number, part: Uint8Array): void {
    // One that came before is acknowledged again: the other end has not heard that it did.
    if (number === this.#received) return this.#ports.acknowledge(number);
    if (number !== next(this.#received)) return;
    this.#received = number;
    this.#ports.acknowledge(number);
    this.#parts.push(part.subarray(1));
    const length = this.#parts.reduce((sum, { length }) => sum + length, 0);
    if (part[0] === MORE && length <= MAX_MESSAGE) return;
    const parts = this.#parts;
    this.#parts = [];
    if (length <= MAX_MESSAGE) this.#ports.deliver(type, concat(parts, length));
  }

  #sendFirst(now: number): void {
    this.#pause = RETRANSMIT_FIRST;
    this.#transmit(now);
  }

  #transmit(now: number): void {
    const { type, bytes } = this.#queue[0]!;
    this.#repeatAt = now + this.#pause;
    this.#ports.sendPart(type, this.#number, bytes);
  }
}

function next(number: number): number {
  return number % NUMBERS + 1;
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
