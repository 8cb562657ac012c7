import type { Carrier } from "../protocol/hello.ts";
import {
  HOLD_FIRST,
  HOLD_LONGEST,
  HOLD_RESET,
  LOSS_BAD,
  LOSS_BAD_SECONDS,
  LOSS_BAD_WITHIN,
  LOSS_GOOD,
  LOSS_LEAST,
  LOSS_SAMPLE,
  PATH_BUSY,
  PATH_FRESH,
  PATH_TICK,
  QUEUE_BAD,
  QUEUE_GOOD,
} from "./limits.ts";
import type { PathMeter } from "./path_meter.ts";
import type { ConnectionReport, PathReport } from "./report.ts";

/** One way over which a session's packets can go. */
export interface Path {
  readonly carrier: Carrier;
  readonly meter: PathMeter;
  /** Sends a probe. */
  probe(now: number): void;
  /** Tells the meter what the transport knows. */
  sample(now: number): void;
  /** How the connection fares, for a person. */
  report(now: number): ConnectionReport;
}

/** Ticks in a second. */
const TICKS = 1000 / PATH_TICK;

/**
 * The paths of one session, one over TCP, one over UDP, or both, and which of them its packets go by:
 * TCP, which carries super-packets whole and is the fastest, as long as it loses next to nothing; else
 * UDP. Each end of a session chooses for what it sends. Both paths are probed while packets are sent, and
 * at rest by their keepalives alone.
 *
 * A path that lets nothing through is left at once, one that is merely worse after some seconds of that,
 * and TCP is tried again only after a while, a longer one each time that this was too early, and when
 * so much has gone by UDP that it is known to lose next to nothing.
 */
export class Paths<P extends Path> {
  readonly #moved: (reason: string) => void;
  readonly #watchesOne: boolean;
  #tcp: P | undefined;
  #udp: P | undefined;
  #active: P | undefined;
  /** Packets were sent, at the latest, until now and for so long. */
  #busyUntil = -Infinity;
  #due = Infinity;
  #ticks = 0;
  /** Seconds in a row in which TCP took much longer than UDP. */
  #slowSeconds = 0;
  /** How long TCP is left alone when it turned out bad, and until when. */
  #hold = HOLD_FIRST;
  #heldUntil = -Infinity;
  /** When packets began to go by TCP. */
  #returnedAt = -Infinity;

  /**
   * @param moved is told why packets go by another path from now on
   * @param watchesOne whether to probe a path that is the only one, for whoever could make another
   */
  constructor(moved: (reason: string) => void, watchesOne: boolean) {
    this.#moved = moved;
    this.#watchesOne = watchesOne;
  }

  /** By which packets go; undefined without a path. */
  get active(): P | undefined {
    return this.#active;
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return this.#due;
  }

  /** The path over this carrier. */
  get(carrier: Carrier): P | undefined {
    return carrier === "tcp" ? this.#tcp : this.#udp;
  }

  /** All that there are. */
  get all(): P[] {
    return [this.#tcp, this.#udp].filter((path) => path !== undefined);
  }

  /** How all paths fare, for a person. */
  report(now: number): PathReport[] {
    return this.all.map((path) => ({
      carrier: path.carrier,
      isActive: path === this.#active,
      ...path.report(now),
    }));
  }

  /** Adds a path, in place of the one over the same carrier, which is returned if there is one. */
  add(path: P, now: number): P | undefined {
    const before = this.get(path.carrier);
    if (before !== undefined) this.#forget(before);
    if (path.carrier === "tcp") this.#tcp = path;
    else this.#udp = path;
    if (this.#active === undefined) {
      this.#active = path;
      // In place of another one it goes on as that would.
      if (before !== undefined) this.#moved("it was made anew");
    } else if (path.carrier === "tcp" && now >= this.#heldUntil) {
      this.#move(path, "TCP answers, and is the faster one", now);
    }
    this.#due = this.#busyUntil >= now ? now : Infinity;
    return before;
  }

  /** A path is gone. */
  remove(path: P, reason: string, now: number): void {
    if (this.get(path.carrier) !== path) return;
    this.#forget(path);
    const other = this.#tcp ?? this.#udp;
    if (this.#active !== undefined || other === undefined) return;
    this.#move(other, reason, now);
    // Whatever ended the one may have ended the other without a word, as a server's end does.
    other.probe(now);
  }

  /** A packet is about to be sent. Returns whether `deadline` is another one now. */
  sending(now: number): boolean {
    const wasBusy = now < this.#busyUntil;
    this.#busyUntil = now + PATH_BUSY;
    if (wasBusy || !this.#isWatched) return false;
    this.#begin(now);
    return true;
  }

  /** Probes and chooses, if that is due by `now`. */
  advance(now: number): void {
    if (now < this.#due) return;
    if (now >= this.#busyUntil || !this.#isWatched) {
      this.#due = Infinity;
      return;
    }
    this.#due = now + PATH_TICK;
    const isSecond = this.#ticks++ % TICKS === 0;
    const [tcp, udp] = [this.#tcp, this.#udp];
    for (const path of this.all) path.sample(now);
    if (tcp !== undefined && udp !== undefined) this.#choose(tcp, udp, isSecond, now);
    for (const path of this.all) {
      if (isSecond) path.meter.loss.next();
      if (isSecond || (path === udp && path === this.#active)) path.probe(now);
    }
  }

  get #isWatched(): boolean {
    const hasBoth = this.#tcp !== undefined && this.#udp !== undefined;
    return hasBoth || (this.#watchesOne && this.#active !== undefined);
  }

  #begin(now: number): void {
    this.#due = now;
    this.#ticks = this.#slowSeconds = 0;
    for (const { meter } of this.all) meter.reset();
  }

  #choose(tcp: P, udp: P, isSecond: boolean, now: number): void {
    if (isSecond) {
      const isSlow = tcp.meter.roundTrip(now) > 2 * udp.meter.roundTrip(now) + QUEUE_BAD;
      this.#slowSeconds = isSlow ? this.#slowSeconds + 1 : 0;
    }
    const isTcp = this.#active === tcp;
    const other = isTcp ? udp : tcp;
    const isFresh = now < other.meter.answeredAt + PATH_FRESH && !other.meter.isStuck(now);
    const reason = isTcp ? this.#againstTcp(tcp, udp, now) : this.#againstUdp(tcp, udp, now);
    if (reason === undefined || !isFresh) return;
    if (isTcp) this.#holdTcp(now);
    this.#move(other, reason, now);
  }

  /** Why packets should not go by TCP any more. */
  #againstTcp(tcp: P, udp: P, now: number): string | undefined {
    const { meter } = tcp;
    if (meter.isStuck(now)) return `TCP has let nothing through for ${seconds(meter, now)} s`;
    if (meter.loss.badSeconds(LOSS_BAD_WITHIN, LOSS_BAD, LOSS_LEAST) >= LOSS_BAD_SECONDS) {
      return `TCP had to repeat ${percent(meter)} %`;
    }
    if (this.#slowSeconds < LOSS_BAD_SECONDS) return undefined;
    const [slow, fast] = [meter, udp.meter].map((it) => Math.round(it.roundTrip(now)));
    return `a round trip takes ${slow} ms by TCP and ${fast} ms by UDP`;
  }

  /** Why packets should not go by UDP any more. */
  #againstUdp(tcp: P, { meter }: P, now: number): string | undefined {
    if (meter.isStuck(now)) return `UDP has let nothing through for ${seconds(meter, now)} s`;
    const { sent, rate } = meter.loss;
    if (now < this.#heldUntil || sent < LOSS_SAMPLE || rate >= LOSS_GOOD) return undefined;
    if (tcp.meter.roundTrip(now) > meter.roundTrip(now) + QUEUE_GOOD) return undefined;
    return `UDP lost ${percent(meter)} % only, and TCP is the faster one`;
  }

  /** TCP is bad: it is left alone, for longer if it was so soon after the last time. */
  #holdTcp(now: number): void {
    const isSoon = now < this.#returnedAt + HOLD_RESET;
    this.#hold = isSoon ? Math.min(2 * this.#hold, HOLD_LONGEST) : HOLD_FIRST;
    this.#heldUntil = now + this.#hold;
  }

  #move(path: P, reason: string, now: number): void {
    this.#active = path;
    this.#slowSeconds = 0;
    path.meter.reset();
    if (path.carrier === "tcp") this.#returnedAt = now;
    this.#moved(reason);
  }

  #forget(path: P): void {
    if (this.#tcp === path) this.#tcp = undefined;
    else this.#udp = undefined;
    if (this.#active === path) this.#active = undefined;
  }
}

function percent({ loss }: PathMeter): string {
  return (100 * loss.rate).toFixed(1);
}

function seconds(meter: PathMeter, now: number): string {
  return (meter.silence(now) / 1000).toFixed(1);
}
