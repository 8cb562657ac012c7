import { CHECK_LEAST, CHECK_MOST, CHECK_PROBES } from "./limits.ts";
import type { Path } from "./paths.ts";

/**
 * Asks paths for a sign of life when there is reason to doubt them, as after a change of the network:
 * several times in a short time, since one question may get lost.
 */
export class PathCheck<P extends Path> {
  readonly #since: number;
  readonly #ends: number;
  readonly #pause: number;
  #doubted: readonly P[];
  #due: number;

  /** Asks for the first time. */
  constructor(paths: readonly P[], now: number) {
    const roundTrip = Math.max(0, ...paths.map(({ meter }) => meter.roundTrip(now)));
    const time = Math.min(CHECK_LEAST + 4 * roundTrip, CHECK_MOST);
    this.#since = this.#due = now;
    this.#ends = now + time;
    this.#pause = time / CHECK_PROBES;
    this.#doubted = paths;
    this.advance(now);
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return this.#due;
  }

  /** Whether it has come to an end, or all have answered. */
  isOver(now: number): boolean {
    return now >= this.#ends || this.#doubted.length === 0;
  }

  /** The paths that have not answered. */
  get doubted(): readonly P[] {
    return this.#doubted;
  }

  /** Asks again where no answer came, if that is due by `now`. */
  advance(now: number): void {
    if (now < this.#due) return;
    this.#doubted = this.#doubted.filter(({ meter }) => meter.answeredAt < this.#since);
    this.#due = Math.min(now + this.#pause, this.#ends);
    if (this.isOver(now)) return;
    for (const path of this.#doubted) path.probe(now);
  }

  /** A path is gone: nothing is asked of it any more. */
  forget(path: P): void {
    this.#doubted = this.#doubted.filter((other) => other !== path);
  }
}
