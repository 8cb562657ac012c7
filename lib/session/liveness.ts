import { KEEPALIVE_RETRY } from "./limits.ts";

/** Times in milliseconds after which one end of a connection doubts that the other is there. */
export interface LivenessTiming {
  /** Without a packet sent, or without one heard, before the other end is asked for a sign of life. */
  keepalive: number;
  /** Without a packet heard before the connection counts as lost. */
  timeout: number;
}

/** What is due by now. */
export enum Due {
  Nothing,
  /** To ask the other end for a sign of life. */
  Probe,
  /** To give the connection up. */
  End,
}

/** Follows when one end of a connection last sent and heard anything, and says what that asks for. */
export class Liveness {
  #timing: LivenessTiming;
  #sent: number;
  #heard: number;
  /** When the other end was asked and has not answered yet. */
  #probed: number | undefined;
  /** Until then nobody is given up, however silent. */
  #graceEnds = -Infinity;

  constructor(timing: LivenessTiming, now: number) {
    this.#timing = timing;
    this.#sent = this.#heard = now;
  }

  get timing(): LivenessTiming {
    return this.#timing;
  }

  /** Other times from now on. */
  set timing(timing: LivenessTiming) {
    this.#timing = timing;
  }

  /** Other times from now on: who was silent for long by these is asked first, and has time to answer. */
  restart(timing: LivenessTiming, now: number): void {
    this.#timing = timing;
    this.#graceEnds = now + timing.timeout - timing.keepalive;
  }

  /** When `due()` has something to say at the earliest. */
  get deadline(): number {
    return Math.min(this.#probeDue, this.#endDue);
  }

  /** When anything was last heard. */
  get heardAt(): number {
    return this.#heard;
  }

  sent(now: number): void {
    this.#sent = now;
  }

  heard(now: number): void {
    this.#heard = now;
    this.#probed = undefined;
  }

  /** What is due by `now`; a probe counts as sent. */
  due(now: number): Due {
    if (now >= this.#endDue) return Due.End;
    if (now < this.#probeDue) return Due.Nothing;
    this.#sent = this.#probed = now;
    return Due.Probe;
  }

  get #endDue(): number {
    return Math.max(this.#heard + this.#timing.timeout, this.#graceEnds);
  }

  get #probeDue(): number {
    return this.#probed !== undefined
      ? this.#probed + KEEPALIVE_RETRY
      : Math.min(this.#sent, this.#heard) + this.#timing.keepalive;
  }
}
