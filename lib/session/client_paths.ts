import type { Carrier } from "../protocol/hello.ts";
import type { Attempt } from "./attempt.ts";
import { Backoff } from "./backoff.ts";
import {
  BACKOFF_FIRST,
  BACKOFF_RESET,
  HURRY_LEAST,
  OTHER_PATH_LONGEST,
  PATH_PATIENCE,
} from "./limits.ts";
import type { LinkLoss } from "./link_loss.ts";
import { PathCheck } from "./path_check.ts";
import { Paths } from "./paths.ts";
import type { PathReport } from "./report.ts";

export interface ClientPathsPorts {
  /** Makes an attempt to reach the server over this carrier, too, which does nothing yet. */
  attempt(carrier: Carrier, now: number): Attempt;
  /** Begins it; it may come to nothing before the call returns. */
  connect(attempt: Attempt): void;
  /** Packets go by another path from now on. */
  moved(carrier: Carrier, reason: string): void;
  /** Gives numbers from 0 up to, not including, 1. */
  random(): number;
}

/**
 * The paths of a client that is connected. Where the server may be reached over two carriers it goes on
 * trying to reach it over the one that is missing.
 */
export class ClientPaths {
  readonly #ports: ClientPathsPorts;
  readonly #carriers: readonly Carrier[];
  readonly #paths: Paths<Attempt>;
  readonly #backoff: Backoff;
  /** The attempt to reach the server by the path that is missing. */
  #attempt: Attempt | undefined;
  /** When that is made, if it is not being made. */
  #nextAt: number;
  /** When that was made last. */
  #triedAt = -Infinity;
  /** When a path was added last. */
  #addedAt: number;
  /** There while the paths are in doubt. */
  #check: PathCheck<Attempt> | undefined;
  /** Whether there is new reason to doubt them since it began. */
  #checkAgain = false;
  /** Whether nothing got through by the path in use when that was looked at last. */
  #isStuck = false;

  constructor(first: Attempt, carriers: readonly Carrier[], ports: ClientPathsPorts, now: number) {
    this.#ports = ports;
    this.#carriers = carriers;
    this.#paths = new Paths(
      (reason) => ports.moved(this.#paths.active!.target.carrier, reason),
      carriers.length > 1,
    );
    this.#backoff = new Backoff(() => ports.random(), BACKOFF_FIRST, OTHER_PATH_LONGEST);
    this.#nextAt = this.#addedAt = now;
    this.#paths.add(first, now);
  }

  /** By which packets go; undefined if no path is left. */
  get active(): Attempt | undefined {
    return this.#paths.active;
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    const tcp = this.#paths.get("tcp")?.deadline ?? Infinity;
    const udp = this.#paths.get("udp")?.deadline ?? Infinity;
    const other = this.#attempt?.deadline ??
      (this.#missing === undefined ? Infinity : this.#nextAt);
    const check = this.#check?.deadline ?? Infinity;
    return Math.min(this.#paths.deadline, tcp, udp, other, check);
  }

  /** The path, or the attempt to make one, whose link has this number. */
  attempt(number: number): Attempt | undefined {
    return [...this.#paths.all, this.#attempt].find((attempt) => attempt?.number === number);
  }

  /** Does what is due by `now`. */
  advance(now: number): void {
    for (const attempt of [...this.#paths.all, this.#attempt]) {
      if (attempt !== undefined && now >= attempt.deadline) attempt.advance(now);
    }
    this.#paths.advance(now);
    this.#advanceCheck(now);
    this.#dropSilent(now);
    this.#hurryIfStuck(now);
    const missing = this.#missing;
    if (missing === undefined || this.#attempt !== undefined || now < this.#nextAt) return;
    this.#triedAt = now;
    this.#attempt = this.#ports.attempt(missing, now);
    this.#ports.connect(this.#attempt);
  }

  /**
   * The machine slept, or is in another network: what worked may not any more, and what did not may.
   * A path that gives no sign of life soon is lost.
   */
  doubt(now: number): void {
    this.#backoff.hurry(now);
    this.#nextAt = Math.min(this.#nextAt, Math.max(now, this.#triedAt + HURRY_LEAST));
    for (const path of this.#paths.all) path.rerouted(now);
    if (this.#check === undefined) this.#check = new PathCheck(this.#paths.all, now);
    // One that were begun anew at each of many changes would never come to an end.
    else this.#checkAgain = true;
  }

  /** How the paths fare, for a person. */
  report(now: number): PathReport[] {
    return this.#paths.report(now);
  }

  /** A packet is about to be sent. */
  sending(now: number): void {
    this.#paths.sending(now);
  }

  /** The attempt came to a path. */
  add(attempt: Attempt, now: number): void {
    this.#attempt = undefined;
    this.#addedAt = now;
    this.#paths.add(attempt, now);
  }

  /** A path, or the attempt to make one, is lost. Returns whether it was a path. */
  lost(attempt: Attempt, { reason }: LinkLoss, now: number): boolean {
    const wasPath = attempt !== this.#attempt;
    if (!wasPath) this.#attempt = undefined;
    else if (now >= this.#addedAt + BACKOFF_RESET) this.#backoff.reset();
    this.#nextAt = now + this.#backoff.next();
    this.#check?.forget(attempt);
    this.#paths.remove(attempt, reason, now);
    // Over UDP nobody tells that the server is gone, which may be why TCP has ended.
    if (wasPath && this.#paths.active !== undefined) {
      this.#check ??= new PathCheck(this.#paths.all, now);
    }
    return wasPath;
  }

  /** Ends everything, in good order. */
  close(): void {
    this.#check = undefined;
    this.#attempt?.end();
    for (const path of this.#paths.all) path.close();
  }

  #advanceCheck(now: number): void {
    const check = this.#check;
    if (check === undefined || now < check.deadline) return;
    check.advance(now);
    if (!check.isOver(now)) return;
    this.#check = this.#checkAgain ? new PathCheck(this.#paths.all, now) : undefined;
    this.#checkAgain = false;
    for (const path of check.doubted) {
      path.disconnected(`${path.carrier.toUpperCase()} lets nothing through any more`, now);
    }
  }

  /**
   * A path that is not in use and says nothing is made anew, so that it is there when it is needed: over
   * UDP nobody tells that the server was started anew, and TCP asks a dead path ever more seldom.
   */
  #dropSilent(now: number): void {
    // What silenced both may be over for both.
    if (now < this.#addedAt + PATH_PATIENCE) return;
    for (const path of this.#paths.all) {
      if (path === this.#paths.active || path.meter.silence(now) < PATH_PATIENCE) continue;
      path.disconnected(`${path.carrier.toUpperCase()} lets nothing through`, now);
    }
  }

  /** When nothing gets through by the only path, the other is not waited for as long as it used to be. */
  #hurryIfStuck(now: number): void {
    const wasStuck = this.#isStuck;
    this.#isStuck = this.#paths.active?.meter.isStuck(now) ?? false;
    if (wasStuck || !this.#isStuck) return;
    this.#backoff.reset();
    this.#nextAt = Math.min(this.#nextAt, now);
  }

  get #missing(): Carrier | undefined {
    return this.#carriers.find((carrier) => this.#paths.get(carrier) === undefined);
  }
}
