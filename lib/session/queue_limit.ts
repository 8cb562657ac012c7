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
  #since = 0;
  #taken = 0;

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
    const fitting = this.#taken / elapsed * OUTBOX_TIME;
    this.#bytes = Math.round(Math.min(Math.max(fitting, OUTBOX_LEAST), OUTBOX_LIMIT));
    this.begin(now);
    return this.#bytes !== before;
  }

  /** The backlog is gone: the connection may be faster than it was when last measured. */
  end(): void {
    this.#bytes = Math.min(2 * this.#bytes, OUTBOX_LIMIT);
  }
}
