import { BACKOFF_FIRST, BACKOFF_JITTER, BACKOFF_LONGEST } from "./limits.ts";

/** Pauses between attempts: doubling, bounded, and stretched at random so that a crowd spreads. */
export class Backoff {
  readonly #random: () => number;
  #pause = BACKOFF_FIRST;

  /** @param random gives numbers from 0 up to, not including, 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const pause = this.#pause * (1 + BACKOFF_JITTER * this.#random());
    this.#pause = Math.min(2 * this.#pause, BACKOFF_LONGEST);
    return pause;
  }

  reset(): void {
    this.#pause = BACKOFF_FIRST;
  }
}
