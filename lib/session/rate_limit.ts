const WINDOW = 1000;

/** Bounds how often something is done: so many times a second, the seconds counted from one time. */
export class RateLimit {
  readonly #most: number;
  #count = 0;
  #windowEnds = -Infinity;

  /** @param most times in a second */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether it may be done once more at `now`. */
  allows(now: number): boolean {
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW;
      this.#count = 0;
    }
    return ++this.#count <= this.#most;
  }
}
