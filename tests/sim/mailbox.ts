import type { Random } from "../random.ts";
import type { Clock } from "./clock.ts";

/** How messages between two threads of a program travel. */
export interface ThreadDelay {
  /** Milliseconds from one thread to the other, at the least and at the most. */
  delay: readonly [least: number, most: number];
}

/** Messages from one thread to another: each arrives some time later, and all in order. */
export class Mailbox {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #speed: ThreadDelay;
  #waiting: (() => void)[] = [];
  #lastArrival = 0;
  #isPaused = false;
  #isClosed = false;

  constructor(clock: Clock, random: Random, speed: ThreadDelay) {
    this.#clock = clock;
    this.#random = random;
    this.#speed = speed;
  }

  /** Sends a message, which is given as what the other thread does when it comes. */
  post(act: () => void): void {
    const { now } = this.#clock;
    const arrival = Math.max(now + this.#random.integer(...this.#speed.delay), this.#lastArrival);
    this.#lastArrival = arrival;
    this.#clock.after(arrival - now, () => {
      this.#waiting.push(act);
      this.#empty();
    });
  }

  /** The receiving thread is busy with something else until `resume()`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#empty();
  }

  /** The threads end: nothing arrives any more. */
  close(): void {
    this.#isClosed = true;
  }

  #empty(): void {
    while (!this.#isPaused && !this.#isClosed && this.#waiting.length > 0) this.#waiting.shift()!();
  }
}
