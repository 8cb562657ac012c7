import { INITIATION_BURST, INITIATION_RATE, INITIATION_RATE_PER_NETWORK } from "./limits.ts";

/** Networks are told apart by a hash: so many of them, and those that share one share its limit. */
const CROWDS = 1024;

/** Where the limit of all is kept, behind those of the crowds. */
const ALL = CROWDS;

const INTERVAL = 1000 / INITIATION_RATE;
const INTERVAL_PER_NETWORK = 1000 / INITIATION_RATE_PER_NETWORK;

/**
 * Bounds how many initiations of strangers a server looks at: in all, and from one network. It is asked
 * before anything is computed, so it costs next to nothing itself, and allocates nothing.
 *
 * What may pass is spaced evenly (the generic cell rate algorithm, ITU-T I.371): a flood leaves the next
 * millisecond to others, and does not use up a second's worth at its beginning.
 */
export class InitiationLimit {
  /** When the next one would be on time. */
  readonly #due = new Float64Array(CROWDS + 1);

  /**
   * Whether one more may be looked at `now`.
   *
   * @param network a hash of the sender's network, 32 bits
   */
  allows(network: number, now: number): boolean {
    const due = this.#due;
    const crowd = network & (CROWDS - 1);
    if (due[crowd]! > now + INITIATION_BURST || due[ALL]! > now + INITIATION_BURST) return false;
    due[crowd] = Math.max(due[crowd]!, now) + INTERVAL_PER_NETWORK;
    due[ALL] = Math.max(due[ALL]!, now) + INTERVAL;
    return true;
  }
}
