import type { Variables } from "../lib/config/hook_variables.ts";

/** Programs that run at the same time at the most. */
const RUNNING_MOST = 8;

/** A program that is to run at an event; undefined if nobody wants to know of that event. */
export interface Hook {
  /** What the event does to its subject: it is there, is another way now, or is gone. */
  kind: "begin" | "change" | "end";
  program: string | undefined;
  variables: Variables;
}

/**
 * Programs that wait to be run. Those of one subject, as a peer is, run one after the other, in the
 * order of events; those of several next to each other, up to RUNNING_MOST.
 *
 * However fast a subject comes and goes, three of its hooks wait at the most: an end takes back what waits,
 * together with a begin that nobody was told of yet, and a change takes the place of another.
 */
export class HookQueue {
  readonly #run: (program: string, variables: Variables, timeout: number) => Promise<void>;
  /** Milliseconds for each program that starts from now on. */
  timeout: number;
  /** By subject; of those that run one at present, too. */
  readonly #waiting = new Map<string, Hook[]>();
  readonly #running = new Set<string>();
  /** When no program may run any more, as `performance.now()` has it. */
  #ends = Infinity;
  #idle = Promise.withResolvers<void>();

  /**
   * @param timeout milliseconds for each program
   * @param run runs one, within a time of its own, and never fails
   */
  constructor(
    timeout: number,
    run: (program: string, variables: Variables, timeout: number) => Promise<void>,
  ) {
    this.timeout = timeout;
    this.#run = run;
  }

  /** Has the hook run after those that there are of its subject. */
  add(subject: string, hook: Hook): void {
    const waiting = this.#waiting.get(subject) ?? [];
    const joined = join(waiting, hook);
    if (joined.length === 0) this.#waiting.delete(subject);
    else this.#waiting.set(subject, joined);
    this.#advance();
  }

  /**
   * Waits until all have run, for as long as one of them may take.
   *
   * @returns how many could not be run in that time
   */
  async finish(): Promise<number> {
    this.#ends = performance.now() + this.timeout;
    this.#advance();
    if (this.#running.size > 0) await this.#idle.promise;
    const left = [...this.#waiting.values()].flat().filter(({ program }) => program !== undefined);
    this.#waiting.clear();
    return left.length;
  }

  #advance(): void {
    for (const [subject, hooks] of this.#waiting) {
      if (this.#running.size >= RUNNING_MOST || performance.now() >= this.#ends) break;
      if (this.#running.has(subject)) continue;
      const next = hooks.findIndex(({ program }) => program !== undefined);
      const others = next < 0 ? [] : hooks.slice(next + 1);
      if (others.length === 0) this.#waiting.delete(subject);
      else this.#waiting.set(subject, others);
      if (next >= 0) this.#start(subject, hooks[next]!);
    }
    if (this.#running.size === 0) this.#settle();
  }

  async #start(subject: string, { program, variables }: Hook): Promise<void> {
    this.#running.add(subject);
    await this.#run(program!, variables, Math.min(this.timeout, this.#ends - performance.now()));
    this.#running.delete(subject);
    this.#advance();
  }

  #settle(): void {
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }
}

function join(waiting: readonly Hook[], hook: Hook): Hook[] {
  switch (hook.kind) {
    case "begin":
      return [...waiting, hook];
    case "change":
      return [...waiting.filter(({ kind }) => kind !== "change"), hook];
    case "end": {
      const ends = waiting.filter(({ kind }) => kind === "end");
      const wasTold = !waiting.some(({ kind }) => kind === "begin");
      return wasTold ? [...ends, hook] : ends;
    }
  }
}
