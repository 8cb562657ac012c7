import { BACKOFF_FIRST, BACKOFF_JITTER, BACKOFF_LONGEST, BACKOFF_RESET } from "./limits.ts";

/** Pauses between attempts: doubling, bounded, and stretched at random so that a crowd spreads. */
export class Backoff {
  readonly #random: () => number;
  readonly #first: number;
  readonly #longest: number;
  #pause: number;
  #hurriedAt = -Infinity;

  /**
   * @param random gives numbers from 0 up to, not including, 1
   * @param first pause in milliseconds, before it is stretched
   * @param longest likewise
   */
  constructor(random: () => number, first = BACKOFF_FIRST, longest = BACKOFF_LONGEST) {
    this.#random = random;
    this.#first = this.#pause = first;
    this.#longest = longest;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const pause = this.#pause * (1 + BACKOFF_JITTER * this.#random());
    this.#pause = Math.min(2 * this.#pause, this.#longest);
    return pause;
  }

  reset(): void {
    this.#pause = this.#first;
  }

  /** As `reset()`, for what may happen so often that there would be no pauses any more. */
  hurry(now: number): void {
    if (now < this.#hurriedAt + BACKOFF_RESET) return;
    this.#hurriedAt = now;
    this.reset();
  }
}
