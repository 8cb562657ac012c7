import { Backoff } from "./backoff.ts";
import type { ClientEvent, GiveUpCause } from "./client_event.ts";
import { BACKOFF_LONGEST, FIRST_RESOLVE_TIME, HURRY_LEAST, RESOLVE_PATIENCE } from "./limits.ts";
import { ServerRota } from "./server_rota.ts";

export interface ServerSearchPorts {
  /** Asks for the addresses of a server; `found()` or `unresolved()` takes the answer. */
  resolve(question: number, server: number): void;
  report(event: ClientEvent): void;
  /** Gives numbers from 0 up to, not including, 1. */
  random(): number;
}

/** Why a server could not be had, and whether it is of use to ask it again. */
export interface ServerFailure {
  reason: string;
  /** There if it is of no use to come again, at the least in the network that this machine is in. */
  final?: GiveUpCause;
  /** Whether it is of use only after a while. */
  isLate?: boolean;
}

/** Waiting for the time to ask, for the addresses of a server, for what comes of them; or for nothing. */
type Phase = "pausing" | "asking" | "trying" | "stopped";

/**
 * Which server a client tries when: one after the other until one works, with a pause after each round,
 * and the one that was lost once more before others. Times are milliseconds of one monotonic clock.
 */
export class ServerSearch {
  readonly #ports: ServerSearchPorts;
  readonly #rota: ServerRota;
  readonly #backoff: Backoff;
  readonly #begun: number;
  #phase: Phase = "pausing";
  /** When the present phase ends by itself. */
  #ends: number;
  /** Whether a server's name was found once, so that not all can be slips. */
  #hasFound = false;
  /** Whether in this round all names that were not found do not exist. */
  #areSlips = true;
  /** Counts questions for addresses, so that answers to earlier ones are told apart. */
  #question = 0;
  /** When a server was tried last. */
  #triedAt = -Infinity;
  /** Whether the next one is to be tried at once, since the network changed after the last one was. */
  #hurries = false;
  /** Whether nothing shortens the present pause. */
  #isLate = false;

  /** @param servers how many there are */
  constructor(servers: number, ports: ServerSearchPorts, now: number) {
    this.#ports = ports;
    this.#rota = new ServerRota(servers);
    this.#backoff = new Backoff(() => ports.random());
    this.#begun = this.#ends = now;
  }

  /** The server that is tried, or was last. */
  get server(): number {
    return this.#rota.current;
  }

  /** Whether there are others to go on to. */
  get hasSeveral(): boolean {
    return this.#rota.hasSeveral;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return this.#ends;
  }

  /** Does what is due by `now`. */
  advance(now: number): void {
    if (now < this.#ends) return;
    if (this.#phase === "pausing") return this.#ask(now);
    this.unresolved(this.#question, "its name is not found in time", false, now);
  }

  /** The addresses are there. Returns whether they are of use: the answer to the latest question. */
  found(question: number): boolean {
    if (!this.#awaits(question)) return false;
    this.#hasFound = true;
    this.#enter("trying", Infinity);
    return true;
  }

  /** The server's name could not be resolved; `permanent` if it does not exist at all. */
  unresolved(question: number, reason: string, permanent: boolean, now: number): void {
    if (!this.#awaits(question)) return;
    this.#areSlips &&= permanent;
    const isSlip = this.#areSlips || now >= this.#begun + FIRST_RESOLVE_TIME;
    if (!this.#hasFound && this.#rota.isLast && isSlip) this.#giveUp("unresolved", reason);
    else this.failed({ reason }, now);
  }

  /** The server that is tried cannot be had: goes on to the next or, after the last one, pauses. */
  failed({ reason, final, isLate = false }: ServerFailure, now: number): void {
    const { server } = this;
    if (this.#isEnd(reason, final)) return;
    if (!this.#rota.isLast) {
      this.#rota.next();
      this.#ports.report({ type: "passed_over", server, next: this.server, reason });
      return this.#ask(now);
    }
    this.#begin(0);
    this.#ports.report({ type: "failed", server, reason, retry: this.#pause(now, isLate) });
  }

  /** The server that is tried does not give back the address that this client had. */
  refused(address: number, now: number): void {
    const { server } = this;
    if (!this.#rota.isLast) return this.failed({ reason: "it refused the address asked for" }, now);
    this.#begin(0);
    this.#ports.report({ type: "refused", server, address, retry: this.#pause(now, false) });
  }

  /**
   * The connection to the server is gone: it is tried once more before others, unless it asked for a pause.
   *
   * @param wasGood whether the connection had lasted
   */
  lost({ reason, final, isLate = false }: ServerFailure, wasGood: boolean, now: number): void {
    if (wasGood) this.#backoff.reset();
    if (this.#isEnd(reason, final)) return;
    this.#begin(isLate ? this.server + 1 : this.server);
    this.#ports.report({ type: "down", reason, retry: this.#pause(now, isLate) });
  }

  /** What did not work may work now: pauses are short again, and the next server is tried at once. */
  hurry(now: number): void {
    this.#backoff.hurry(now);
    this.#hurries = true;
    this.#rota.forgive("unusable");
    if (this.#phase === "pausing" && !this.#isLate) {
      this.#ends = Math.min(this.#ends, this.#soonest(now));
    }
    // Whom the last question went to may be out of reach.
    if (this.#phase === "asking") this.#ports.resolve(++this.#question, this.server);
  }

  /** Begins with the first server, whatever any said before. */
  restart(now: number): void {
    if (this.#phase === "stopped") return;
    this.#backoff.reset();
    this.#rota.forgive();
    this.#begin(0);
    this.#enter("pausing", now);
  }

  /** Asks nothing any more. */
  stop(): void {
    this.#enter("stopped", Infinity);
  }

  #awaits(question: number): boolean {
    return this.#phase === "asking" && question === this.#question;
  }

  #ask(now: number): void {
    this.#hurries = false;
    this.#triedAt = now;
    this.#enter("asking", this.hasSeveral ? now + RESOLVE_PATIENCE : Infinity);
    this.#ports.resolve(++this.#question, this.server);
  }

  #begin(first: number): void {
    this.#rota.begin(first);
    this.#areSlips = true;
  }

  /** Takes note of what the server said; returns whether there is no sense in going on. */
  #isEnd(reason: string, final: GiveUpCause | undefined): boolean {
    if (final === undefined) return false;
    this.#rota.leaveOut(final);
    if (this.#rota.isHopeless) this.#giveUp(final, reason);
    return this.#rota.isHopeless;
  }

  /**
   * Waits before the next round; returns how long.
   *
   * @param isLate whether the server asked for a longer pause
   */
  #pause(now: number, isLate: boolean): number {
    const next = this.#backoff.next();
    // Other servers have not asked for it.
    this.#isLate = isLate && !this.hasSeveral;
    const usual = this.#isLate ? Math.max(next, BACKOFF_LONGEST) : next;
    const isHurried = this.#hurries && !this.#isLate;
    const pause = isHurried ? Math.min(usual, this.#soonest(now) - now) : usual;
    this.#enter("pausing", now + pause);
    return pause;
  }

  /** When a server may be tried that is tried since the network changed. */
  #soonest(now: number): number {
    return Math.max(now, this.#triedAt + HURRY_LEAST);
  }

  #giveUp(cause: GiveUpCause, reason: string): void {
    const { server } = this;
    this.stop();
    this.#ports.report({ type: "gave_up", server, cause, reason });
  }

  #enter(phase: Phase, ends: number): void {
    this.#phase = phase;
    this.#ends = ends;
  }
}
