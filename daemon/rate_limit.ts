/** Lets a burst of things through, then so many an interval; for what strangers can cause at will. */
export class RateLimit {
  readonly #most: number;
  readonly #interval: number;
  #begun = -Infinity;
  #count = 0;

  /** @param interval milliseconds */
  constructor(most: number, interval: number) {
    this.#most = most;
    this.#interval = interval;
  }

  /**
   * Whether one more may pass at `now`, in milliseconds of any monotonic clock. When an interval
   * ends, `suppressed` is told how many did not, if any.
   */
  allows(now: number, suppressed: (count: number) => void): boolean {
    if (now - this.#begun >= this.#interval) {
      if (this.#count > this.#most) suppressed(this.#count - this.#most);
      this.#begun = now;
      this.#count = 0;
    }
    return ++this.#count <= this.#most;
  }
}
