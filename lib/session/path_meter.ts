import { LossHistory } from "./loss_history.ts";
import { LOSS_SECONDS, STUCK_TIME } from "./limits.ts";

/** Probes of which is remembered when they were sent. */
const REMEMBERED = 32;

/** Numbers of probes are 32 bits. */
const NUMBERS = 2 ** 32;

/**
 * Measures one path of a session by probes, which are Pings with a number: how long answers take, since
 * when there are none, and what is lost. Times are milliseconds of one monotonic clock.
 */
export class PathMeter {
  /** Filled by whoever knows what is lost. */
  readonly loss = new LossHistory(LOSS_SECONDS);
  /** When the probe of each number was sent, and how many units had been by then. */
  readonly #askedAt = new Float64Array(REMEMBERED);
  readonly #sentBy = new Float64Array(REMEMBERED);
  #asked = 0;
  #answered = 0;
  #answeredAt = -Infinity;
  #roundTrip = 0;
  #unansweredSince = Infinity;
  /** Units that the other end had received when it answered last; undefined if it did not say. */
  #received: number | undefined;
  /** As the transport tells, if it does; answers may just be slow. */
  #stalledSince: number | undefined;

  /** Latest round trip; longer if an answer is overdue. 0 if nothing was ever answered. */
  roundTrip(now: number): number {
    return Math.max(this.#roundTrip, now - this.#unansweredSince);
  }

  /** When a probe was answered last; -Infinity if none ever was. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** For how long nothing that was sent has arrived, as far as is known; 0 if all is well. */
  silence(now: number): number {
    return Math.max(0, now - (this.#stalledSince ?? this.#unansweredSince));
  }

  /** Whether nothing gets through. */
  isStuck(now: number): boolean {
    return this.silence(now) >= STUCK_TIME + this.#roundTrip;
  }

  /**
   * A probe is about to be sent; returns its number.
   *
   * @param sent units that were sent so far, this one included
   */
  ask(sent: number, now: number): number {
    const number = ++this.#asked;
    this.#askedAt[number % REMEMBERED] = now;
    this.#sentBy[number % REMEMBERED] = sent;
    this.#unansweredSince = Math.min(this.#unansweredSince, now);
    return number % NUMBERS;
  }

  /**
   * An answer came.
   *
   * @param received units that the other end had received so far, modulo 2^32, if it says so
   */
  answer(number: number, received: number | undefined, now: number): void {
    const late = (this.#asked - number) % NUMBERS;
    const full = this.#asked - late;
    if (late < 0 || late >= REMEMBERED || full <= this.#answered) return;
    this.#roundTrip = now - this.#askedAt[full % REMEMBERED]!;
    this.#answeredAt = now;
    if (received !== undefined) this.#count(full, received);
    this.#answered = full;
    this.#unansweredSince = late === 0 ? Infinity : this.#askedAt[(full + 1) % REMEMBERED]!;
  }

  /** Since when nothing of what was sent has arrived, as the transport knows; Infinity if all is well. */
  stalled(since: number): void {
    this.#stalledSince = since;
  }

  /** The path was not in use for a while: what is known of losses is of no interest any more. */
  reset(): void {
    this.loss.clear();
    this.#received = undefined;
  }

  #count(number: number, received: number): void {
    const before = this.#received;
    this.#received = received;
    if (before === undefined || number - this.#answered >= REMEMBERED) return;
    const sent = this.#sentBy[number % REMEMBERED]! - this.#sentBy[this.#answered % REMEMBERED]!;
    // 32 bits of it, since what came late may make it less.
    this.loss.add(sent, sent - ((received - before) | 0));
  }
}
