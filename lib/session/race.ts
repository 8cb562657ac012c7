import type { Attempt } from "./attempt.ts";
import { ATTEMPT_DELAY, MAX_ATTEMPTS } from "./limits.ts";
import type { Link } from "./link.ts";
import type { LinkLoss } from "./link_loss.ts";
import type { Target } from "./target.ts";

export interface RacePorts {
  /** Makes an attempt to reach a server one way, which does nothing yet. */
  attempt(target: Target, now: number): Attempt;
  /** Begins it; it may come to nothing before the call returns. */
  connect(attempt: Attempt): void;
}

/**
 * Attempts to reach a server in several ways (RFC 8305): another begins whenever one came to
 * nothing, or ATTEMPT_DELAY after the latest one came no further. A connection that is made proves
 * little, since something on the way may have made it. What counts is the server's answer, and whoever
 * has it leads: the others end, and begin anew if the leader fails.
 */
export class Race {
  readonly #ports: RacePorts;
  readonly #exclusive: boolean;
  /** When it is too late to try another way. */
  readonly #ends: number;
  readonly #targets: readonly Target[];
  /** What is to be tried, the next one first. */
  #waiting: Target[];
  /** By number. */
  readonly #attempts = new Map<number, Attempt>();
  /** Why the latest attempt of each came to nothing. */
  readonly #failures = new Map<Target, LinkLoss>();
  #leader: Attempt | undefined;
  #nextStart: number;

  /**
   * @param targets what there is to try, the first one first
   * @param exclusive whether to ask one server at a time, since to ask takes something from it
   * @param time so long after the first way was tried, no further one is
   */
  constructor(
    targets: readonly Target[],
    exclusive: boolean,
    ports: RacePorts,
    time: number,
    now: number,
  ) {
    this.#targets = targets;
    this.#waiting = [...targets];
    this.#exclusive = exclusive;
    this.#ports = ports;
    this.#nextStart = now;
    this.#ends = now + time;
  }

  /** Whether nothing is left to hope for. */
  get isOver(): boolean {
    return this.#attempts.size === 0 && this.#waiting.length === 0;
  }

  /** When `advance()` has something to do, or the race is over, at the earliest. */
  get deadline(): number {
    const deadlines = [...this.#attempts.values()].map(({ deadline }) => deadline);
    return Math.min(this.#startDue, ...deadlines);
  }

  attempt(number: number): Attempt | undefined {
    return this.#attempts.get(number);
  }

  /** Does what is due by `now`. */
  advance(now: number): void {
    for (const attempt of this.#attempts.values()) {
      if (now >= attempt.deadline) attempt.advance(now);
    }
    while (!this.isOver && now >= this.#startDue) this.#start(now);
  }

  /** A connection is there, and `link` makes what speaks over it. */
  connected(attempt: Attempt, link: (attempt: Attempt) => Link, now: number): void {
    if (this.#exclusive) this.lead(attempt);
    // The answer takes another round trip.
    this.#nextStart = now + ATTEMPT_DELAY;
    attempt.connected(link, now);
  }

  /** The server answered. */
  lead(leader: Attempt): void {
    const others = [...this.#attempts.values()].filter((attempt) => attempt !== leader);
    for (const attempt of others) this.#remove(attempt).end();
    this.#waiting.unshift(...others.map(({ target }) => target));
    this.#leader = leader;
  }

  /** An attempt came to nothing. */
  lost(attempt: Attempt, loss: LinkLoss, now: number): void {
    this.#remove(attempt);
    this.#failures.set(attempt.target, loss);
    if (this.#leader === attempt) this.#leader = undefined;
    this.#nextStart = now;
  }

  /** Ends all attempts. */
  close(): void {
    this.#waiting = [];
    for (const attempt of this.#attempts.values()) this.#remove(attempt).close();
  }

  /** The address that this client asked for, if a server refused it. */
  get refused(): number | undefined {
    return [...this.#failures.values()].find(({ refused }) => refused !== undefined)?.refused;
  }

  /** What was tried and why it came to nothing. The same failures make the same text, whatever their order. */
  describe(): string {
    const failures = [...this.#failures].map(([{ name }, { reason, hint }]) =>
      [name, hint === undefined ? reason : `${reason}: ${hint}`] as const
    );
    if (this.#targets.length === 1) return failures.map(([_, reason]) => reason).join();
    const byReason = Map.groupBy(failures.toSorted(), ([_, reason]) => reason);
    return [...byReason].map(([reason, alike]) => {
      return `${alike.map(([name]) => name).join(", ")}: ${reason}`;
    }).join("; ");
  }

  /** When to begin another attempt, or to find that there is none; Infinity if there is no need. */
  get #startDue(): number {
    const isIdle = this.#attempts.size === 0;
    const isRoom = this.#waiting.length > 0 && this.#attempts.size < MAX_ATTEMPTS;
    return this.#leader === undefined && (isIdle || isRoom) ? this.#nextStart : Infinity;
  }

  #start(now: number): void {
    if (now >= this.#ends) this.#waiting = [];
    const target = this.#waiting.shift();
    if (target === undefined) return;
    const attempt = this.#ports.attempt(target, now);
    this.#attempts.set(attempt.number, attempt);
    this.#nextStart = now + ATTEMPT_DELAY;
    this.#ports.connect(attempt);
  }

  #remove(attempt: Attempt): Attempt {
    this.#attempts.delete(attempt.number);
    return attempt;
  }
}
