import { Batches } from "./batches.ts";
import { DATAGRAM_LEAST, DATAGRAM_MOST } from "./limits.ts";
import type { DatagramTransport } from "./transport.ts";

/** Datagrams in a slot at the most: of two that follow one another, one is more than half full. */
const MAX_DATAGRAMS = 2 * Math.ceil(Batches.SLOT / DATAGRAM_LEAST) + 2;

/** What `UDP_SEGMENT` takes in one call (UDP_MAX_SEGMENTS before Linux 6.2; a UDP packet's length). */
const MAX_RUN = 64;
const MAX_RUN_BYTES = 65_000;

/**
 * The sealed datagrams that stand in a slot, one behind the other. They are sent in runs: those of one
 * length, and a shorter one behind them, leave by one call.
 */
export class DatagramRuns {
  readonly #sizes = new Uint16Array(MAX_DATAGRAMS);
  #count = 0;

  /** Adds a datagram of `size` bytes, behind the others. */
  add(size: number): void {
    this.#sizes[this.#count++] = size;
  }

  /** Whether there is room for another one that begins `at` bytes behind the slot's beginning. */
  hasRoom(at: number): boolean {
    return at + DATAGRAM_MOST <= Batches.SLOT && this.#count < MAX_DATAGRAMS;
  }

  /** Sends all, the first of which is at `offset`, and forgets them. */
  send(transport: DatagramTransport, bytes: Uint8Array, offset: number): void {
    const count = this.#count;
    this.#count = 0;
    for (let i = 0, at = offset; i < count;) {
      const size = this.#sizes[i]!;
      let length = size;
      let end = i + 1;
      while (end < count && this.#joins(size, length, end - i, end)) length += this.#sizes[end++]!;
      transport.sendRun(bytes, at, length, size);
      at += length;
      i = end;
    }
  }

  /** Whether datagram `i` goes on a run of `count` ones of `size` bytes, `length` in all. */
  #joins(size: number, length: number, count: number, i: number): boolean {
    return this.#sizes[i - 1] === size && this.#sizes[i]! <= size && count < MAX_RUN &&
      length + size <= MAX_RUN_BYTES;
  }
}
