import {
  DATAGRAM_LEAST,
  PROBE_AGAIN,
  PROBE_ATTEMPTS,
  PROBE_INTERVAL,
  PROBE_RAISE,
} from "./limits.ts";

/** What finding out needs of the link that it is for. */
export interface PathMtuPorts {
  /** Longest datagram that this machine would let pass. */
  longest(): number;
  /** Sends a probe that is a datagram of `length` bytes, which tells the other end to send none above `longest`. */
  probe(length: number, longest: number): void;
  /** Datagrams of another length at the most are to be sent from now on. */
  changed(longest: number): void;
}

/**
 * Finds out how long datagrams can be, by probes that are answered by datagrams of the same length:
 * what a path lets pass is told by nothing else that could be trusted, or is told at all (RFC 8899).
 * Begins with what this machine believes, as that is nearly always right, and falls back to what any
 * path takes.
 */
export class PathMtu {
  readonly #ports: PathMtuPorts;
  #longest: number;
  #probing: number;
  #attempts = 0;
  #due: number;
  #raiseAt = Infinity;

  constructor(ports: PathMtuPorts, now: number) {
    this.#ports = ports;
    this.#longest = this.#probing = ports.longest();
    this.#due = now;
  }

  /** Bytes of the longest datagram that is to be sent. */
  get longest(): number {
    return this.#longest;
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return this.#due;
  }

  /** Sends what is due by `now`, and draws the conclusion from answers that did not come. */
  advance(now: number): void {
    if (now < this.#due) return;
    if (this.#attempts === 0) this.#choose(now);
    if (this.#attempts === PROBE_ATTEMPTS) this.#giveUp();
    this.#attempts++;
    this.#due = now + PROBE_INTERVAL;
    this.#ports.probe(this.#probing, this.#longest);
  }

  /** Datagrams may go another way than before: asks at once, also for what did not pass earlier. */
  restart(now: number): void {
    this.#attempts = 0;
    this.#raiseAt = this.#due = now;
  }

  /** A probe of this length was answered. */
  answered(length: number, now: number): void {
    if (length !== this.#probing || this.#attempts === 0) return;
    this.#attempts = 0;
    this.#due = now + PROBE_AGAIN;
    if (length === this.#longest) return;
    if (length < this.#longest) this.#raiseAt = now + PROBE_RAISE;
    this.#use(length);
    // The other end is told at once.
    this.#due = now;
  }

  /** Says what is to be asked about next. */
  #choose(now: number): void {
    const most = this.#ports.longest();
    const isRaise = now >= this.#raiseAt && most > this.#longest;
    this.#probing = isRaise ? most : Math.min(this.#longest, most);
    if (isRaise) this.#raiseAt = now + PROBE_RAISE;
    if (this.#probing < this.#longest) this.#use(this.#probing);
  }

  /** Asks about the other length: if nothing passes, the length is not what is wrong. */
  #giveUp(): void {
    this.#attempts = 0;
    this.#probing = this.#probing === this.#longest ? DATAGRAM_LEAST : this.#longest;
  }

  #use(longest: number): void {
    if (longest === this.#longest) return;
    this.#longest = longest;
    this.#ports.changed(longest);
  }
}
