import { OUTBOX_LEAST, OUTBOX_LIMIT, OUTBOX_TIME } from "./limits.ts";

/** Milliseconds over which a connection's rate is measured. */
const WINDOW = 50;

/**
 * How many bytes may wait for a connection, so that none waits for much longer than OUTBOX_TIME: as
 * many as it takes in that time while it is backlogged, within bounds. A queue that is short in bytes
 * is long in time on a slow link.
 */
export class QueueLimit {
  #bytes = OUTBOX_LIMIT;
  /** As long as it is known what arrives, which may be far less than what is taken for a moment. */
  #most = OUTBOX_LIMIT;
  #since = 0;
  #taken = 0;
  /** The last look at a backlog. */
  #sample: { acknowledged: number; now: number } | undefined;

  get bytes(): number {
    return this.#bytes;
  }

  /** A backlog begins. */
  begin(now: number): void {
    this.#since = now;
    this.#taken = 0;
  }

  /** The connection took `count` bytes of the backlog. Returns whether the limit is another one now. */
  took(count: number, now: number): boolean {
    this.#taken += count;
    const elapsed = now - this.#since;
    if (elapsed < WINDOW) return false;
    const before = this.#bytes;
    this.#bytes = Math.min(fitting(this.#taken / elapsed), this.#most);
    this.begin(now);
    return this.#bytes !== before;
  }

  /** The backlog is gone: the connection may be faster than it was when last measured. */
  end(): void {
    this.#bytes = Math.min(2 * this.#bytes, this.#most);
  }

  /**
   * Whoever looks at the connection from time to time tells what it found. Returns whether the limit is
   * another one now.
   *
   * @param acknowledged bytes that have arrived at the other end so far
   * @param isBacklogged whether others wait to be sent
   */
  sampled(acknowledged: number, isBacklogged: boolean, now: number): boolean {
    const before = this.#sample;
    this.#sample = isBacklogged ? { acknowledged, now } : undefined;
    this.#most = before !== undefined && isBacklogged && now > before.now
      ? fitting((acknowledged - before.acknowledged) / (now - before.now))
      : OUTBOX_LIMIT;
    if (this.#bytes <= this.#most) return false;
    this.#bytes = this.#most;
    return true;
  }
}

/** How many bytes fit, at a rate in bytes a millisecond. */
function fitting(rate: number): number {
  return Math.round(Math.min(Math.max(rate * OUTBOX_TIME, OUTBOX_LEAST), OUTBOX_LIMIT));
}
