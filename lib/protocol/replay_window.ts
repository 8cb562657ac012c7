/** Counters behind the greatest one of which it is known whether they came. */
export const REPLAY_WINDOW = 8128;

const WORD = 32;
/** One word more than the window has: the one that is being cleared (RFC 6479, 2.1). */
const WORDS = (REPLAY_WINDOW + 2 * WORD) / WORD;

/**
 * Which counters of a key have come already: a ring of bits, of which the greatest counter moves whole
 * words at a time (RFC 6479). Only counters of datagrams that are authentic may move it.
 */
export class ReplayWindow {
  /** Bits by counter, modulo all that there are. */
  readonly #words = new Int32Array(WORDS);
  #greatest = -1;

  /** The greatest counter that came; -1 before any did. */
  get greatest(): number {
    return this.#greatest;
  }

  /** Whether a counter, 0 to 2^53-1, can be told to be new. */
  isNew(counter: number): boolean {
    if (counter > this.#greatest) return true;
    if (counter < this.#greatest - REPLAY_WINDOW + 1) return false;
    return (this.#words[wordOf(counter)]! & bitOf(counter)) === 0;
  }

  /** Notes a counter, which is new, as one that came. */
  add(counter: number): void {
    if (counter > this.#greatest) this.#advance(counter);
    this.#words[wordOf(counter)]! |= bitOf(counter);
  }

  #advance(counter: number): void {
    const passed = Math.floor(counter / WORD) - Math.floor(this.#greatest / WORD);
    const clear = Math.min(passed, WORDS);
    for (let i = 0; i < clear; i++) this.#words[wordOf(counter - i * WORD)] = 0;
    this.#greatest = counter;
  }
}

function wordOf(counter: number): number {
  return Math.floor(counter / WORD) % WORDS;
}

function bitOf(counter: number): number {
  return 1 << (counter % WORD);
}
