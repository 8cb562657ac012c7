/** What a clock drives besides single actions: the sessions, as an event loop does. */
export interface Timed {
  /** When `advance()` has something to do at the earliest; Infinity if never. */
  readonly deadline: number;
  advance(now: number): void;
  /** Called when what was to be done is done, before time goes on. */
  endTurn(): void;
}

interface Action {
  time: number;
  run(): void;
}

/** Steps at one moment after which the moment will not pass any more. */
const STUCK = 10_000;

/**
 * A clock that stands still until it is told to run, and then jumps from one thing to do to the
 * next. Times are in milliseconds.
 */
export class Clock {
  /** Some time after the machine was booted: a clock that starts at 0 would hide mistakes. */
  #now = 1_000_000;
  /** In order of time; those of one time in the order in which they came. */
  readonly #actions: Action[] = [];
  readonly #driven = new Set<Timed>();
  #stepsAtOnce = 0;

  get now(): number {
    return this.#now;
  }

  /** Runs an action once, `delay` from now. */
  after(delay: number, run: () => void): void {
    const time = this.#now + delay;
    const at = this.#actions.findLastIndex((action) => action.time <= time) + 1;
    this.#actions.splice(at, 0, { time, run });
  }

  /** Advances `timed` whenever its deadline comes. */
  drive(timed: Timed): void {
    this.#driven.add(timed);
  }

  forget(timed: Timed): void {
    this.#driven.delete(timed);
  }

  /** Lets this much time pass. */
  run(milliseconds: number): void {
    const end = this.#now + milliseconds;
    this.#endTurn();
    while (this.#step(end));
    this.#now = end;
  }

  /** Lets time pass until something has come true. @throws {Error} if it takes longer than `most` */
  waitUntil(condition: () => boolean, most = 300_000): void {
    const end = this.#now + most;
    this.#endTurn();
    while (!condition()) {
      if (!this.#step(end)) throw new Error(`It did not happen within ${most} ms: ${condition}`);
    }
  }

  /** Does what is to be done next, if that is before `end`. */
  #step(end: number): boolean {
    const deadlines = [...this.#driven].map(({ deadline }) => deadline);
    const next = Math.min(this.#actions[0]?.time ?? Infinity, ...deadlines);
    if (next > end) return false;
    this.#jump(next);
    if (this.#actions[0]?.time === next) this.#actions.shift()!.run();
    else this.#advance();
    this.#endTurn();
    return true;
  }

  #endTurn(): void {
    for (const timed of this.#driven) timed.endTurn();
  }

  #jump(time: number): void {
    if (time > this.#now) {
      this.#now = time;
      this.#stepsAtOnce = 0;
    } else if (++this.#stepsAtOnce > STUCK) {
      throw new Error("Time stands still: a deadline is never done with");
    }
  }

  #advance(): void {
    for (const timed of this.#driven) {
      if (timed.deadline <= this.#now) timed.advance(this.#now);
    }
  }
}
