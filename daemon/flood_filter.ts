import { OsError } from "../ffi/error.ts";
import {
  detachFilter,
  droppedDatagrams,
  type Preferred,
  sampleDatagrams,
} from "../ffi/socket_filter.ts";
import { type Counters, DropReason } from "../lib/session/counters.ts";

/** Milliseconds from one look at what comes to the next. */
const INTERVAL = 100;

/** Datagrams a second that come to nothing and may do so: taking them costs some 4 % of a core. */
const MOST = 20_000;

/**
 * Has the kernel drop most of a flood before it enters a UDP socket's queue, while there is one: even to
 * receive a datagram that is dropped at once costs a server twenty times as much as that, and a full
 * queue has no room for clients' data. What looks like clients' data always passes; of the rest about
 * MOST a second do, drawn by lot, so that newcomers get through sooner or later.
 */
export class FloodFilter {
  readonly #fd: number;
  readonly #preferred: Preferred;
  readonly #counters: Counters;
  #begun = -Infinity;
  /** Datagrams that had come to nothing when the interval began, and those that the kernel had dropped. */
  #refused = 0;
  #dropped = 0;
  #isAttached = false;
  #isSupported = true;

  /**
   * @param fd a UDP socket
   * @param counters tell how many datagrams come to nothing; what the filter drops is counted there too
   */
  constructor(fd: number, preferred: Preferred, counters: Counters) {
    this.#fd = fd;
    this.#preferred = preferred;
    this.#counters = counters;
  }

  /** When to call `update()` at the latest; Infinity while nothing is filtered. */
  get deadline(): number {
    return this.#isAttached ? this.#begun + INTERVAL : Infinity;
  }

  /** Looks at what has come; to be called whenever datagrams have. */
  update(now: number): void {
    const elapsed = now - this.#begun;
    if (elapsed < INTERVAL || !this.#isSupported) return;
    try {
      this.#adapt(this.#strangers() * 1000 / elapsed);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      // Not every kernel, nor what acts as one, has filters. The server then does all of it itself.
      this.#isSupported = this.#isAttached = false;
    }
    this.#begun = now;
  }

  /** Datagrams since the last time that came to nothing, or were not let in. */
  #strangers(): number {
    const counters = this.#counters;
    if (this.#isAttached) {
      const dropped = droppedDatagrams(this.#fd);
      counters.drop(DropReason.Flood, (dropped - this.#dropped) >>> 0);
      this.#dropped = dropped;
    }
    const refused = counters.dropped(DropReason.Refused) + counters.dropped(DropReason.Flood);
    const count = refused - this.#refused;
    this.#refused = refused;
    return count;
  }

  /** @param rate datagrams of strangers in a second */
  #adapt(rate: number): void {
    if (rate > MOST) {
      if (!this.#isAttached) this.#dropped = droppedDatagrams(this.#fd);
      sampleDatagrams(this.#fd, this.#preferred, MOST / rate);
      this.#isAttached = true;
    } else if (this.#isAttached && rate < MOST / 2) {
      detachFilter(this.#fd);
      this.#isAttached = false;
    }
  }
}
