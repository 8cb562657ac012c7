import { EPOLLIN } from "../ffi/constants.ts";
import { armWakeFd, bootTime, createWakeFd, monotonicTime } from "../ffi/timer.ts";
import type { EventLoop, FdHandler } from "./event_loop.ts";

/** Milliseconds of sleep that nobody notices; two clocks are not read at the same moment. */
const SLEEP_LEAST = 2_000;

/** Two clocks in milliseconds, of which one stands still while the machine sleeps. */
export interface SleepClocks {
  boot(): number;
  awake(): number;
}

const KERNEL_CLOCKS: SleepClocks = { boot: bootTime, awake: monotonicTime };

/** Notices on a loop that the machine slept (suspend to memory or disk), as soon as it is awake again. */
export class SleepWatch implements FdHandler {
  readonly #fd = createWakeFd();
  readonly #clocks: SleepClocks;
  readonly #woke: (slept: number) => void;
  /** For how long the machine had slept, since it was booted, when that was asked last. */
  #asleep: number;

  /** @param woke is told for how many milliseconds it slept */
  constructor(loop: EventLoop, woke: (slept: number) => void, clocks = KERNEL_CLOCKS) {
    this.#woke = woke;
    this.#clocks = clocks;
    this.#asleep = clocks.boot() - clocks.awake();
    loop.add(this.#fd, EPOLLIN, this);
  }

  /** @see {FdHandler} */
  ready(): void {
    armWakeFd(this.#fd);
    this.look();
  }

  /** Looks whether the machine slept. That is not only told by the file descriptor, to be sure. */
  look(): void {
    const asleep = this.#clocks.boot() - this.#clocks.awake();
    const slept = asleep - this.#asleep;
    if (slept < SLEEP_LEAST) return;
    this.#asleep = asleep;
    this.#woke(slept);
  }
}
