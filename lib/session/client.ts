import { Backoff } from "./backoff.ts";
import { ClassicLink, type LinkOwner, type LinkTiming } from "./classic_link.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { BACKOFF_RESET, CONNECT_TIMEOUT, FIRST_RESOLVE_TIME, RECLAIM_TIME } from "./limits.ts";
import type { Transport } from "./transport.ts";

/** What a person may want to know of a client. Times are in milliseconds. */
export type ClientEvent =
  /** Connected, with this address, to the candidate of this index. */
  | { type: "up"; address: number; candidate: number }
  /** A connection that was up is gone; another attempt follows in `retry`. */
  | { type: "down"; reason: string; retry: number }
  /** An attempt came to nothing; another follows in `retry`. */
  | { type: "failed"; reason: string; retry: number }
  /** The server refused the address that this client asked for; another attempt follows. */
  | { type: "refused"; address: number; retry: number }
  /** There is no sense in going on. */
  | { type: "gave_up"; cause: "refused" | "unresolved"; reason: string };

/** What a client needs of the world around it. */
export interface ClientPorts {
  /** Asks for the server's addresses; `resolved()` or `unresolved()` answers. */
  resolve(): void;
  /** Asks for a connection to a candidate; `connected()` or `disconnected()` answers. */
  connect(candidate: number): void;
  /** Ends the attempt to connect that was begun last; it is not to answer any more. */
  abandon(): void;
  /** Hands one packet to the TUN device; the bytes are taken before the call returns. */
  toTun(bytes: Uint8Array, offset: number, length: number): void;
  report(event: ClientEvent): void;
  /** Gives numbers from 0 up to, not including, 1. */
  random(): number;
}

export interface ClientOptions extends LinkTiming {
  /** The address to ask for; any will do if undefined. */
  address?: number | undefined;
}

type Phase = "waiting" | "resolving" | "connecting" | "asking" | "up" | "stopped";

/**
 * A client: finds the server, connects, asks for an address, passes packets, and does so again
 * whenever the connection is lost, asking for the address that it had. Like Server it has no clock,
 * no sockets and no timers: times are milliseconds of one monotonic clock.
 */
export class Client implements LinkOwner {
  readonly #options: ClientOptions;
  readonly #ports: ClientPorts;
  readonly #counters: Counters;
  readonly #backoff: Backoff;
  readonly #begun: number;
  #phase: Phase = "waiting";
  /** When the present phase ends by itself; "up" has the link's deadline instead. */
  #phaseEnds: number;
  #candidates = 0;
  #candidate = 0;
  /** Whether the server's name was found once, so that it cannot be a slip. */
  #found = false;
  #link: ClassicLink | undefined;
  /** The address that this client had last. */
  #address: number | undefined;
  #upSince = 0;
  #lostAt = 0;

  constructor(options: ClientOptions, ports: ClientPorts, counters: Counters, now: number) {
    this.#options = options;
    this.#ports = ports;
    this.#counters = counters;
    this.#backoff = new Backoff(() => ports.random());
    this.#begun = this.#phaseEnds = now;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return this.#phase === "up" ? this.#link!.deadline : this.#phaseEnds;
  }

  /** Does what is due by `now`. */
  advance(now: number): void {
    if (now < this.deadline) return;
    switch (this.#phase) {
      case "waiting":
        this.#enter("resolving", Infinity);
        return this.#ports.resolve();
      case "connecting":
        this.#ports.abandon();
        return this.disconnected(`no answer within ${CONNECT_TIMEOUT / 1000} s`, now);
      case "asking":
        this.#ports.abandon();
        return this.#retry("failed", `no address within ${CONNECT_TIMEOUT / 1000} s`, now);
      case "up":
        return this.#link!.advance(now);
    }
  }

  /** The server's name stands for this many addresses, the candidates 0, 1, ... */
  resolved(candidates: number, now: number): void {
    if (this.#phase !== "resolving") return;
    this.#candidates = candidates;
    this.#found = true;
    this.#connect(0, now);
  }

  /** The server's name could not be resolved; `permanent` if it does not exist at all. */
  unresolved(reason: string, permanent: boolean, now: number): void {
    if (this.#phase !== "resolving") return;
    if (!this.#found && (permanent || now >= this.#begun + FIRST_RESOLVE_TIME)) {
      this.#giveUp("unresolved", reason);
    } else {
      this.#retry("failed", reason, now);
    }
  }

  /** The connection asked for is there. */
  connected(transport: Transport, now: number): void {
    if (this.#phase !== "connecting") return transport.close();
    this.#enter("asking", now + CONNECT_TIMEOUT);
    this.#link = new ClassicLink(
      this,
      transport,
      this.#wanted(now),
      this.#options,
      this.#counters,
      now,
    );
  }

  /** The connection, or the attempt to make it, ended from outside. */
  disconnected(reason: string, now: number): void {
    switch (this.#phase) {
      case "connecting":
        if (this.#candidate + 1 < this.#candidates) return this.#connect(this.#candidate + 1, now);
        return this.#retry("failed", reason, now);
      case "asking":
        return this.#refused(now);
      case "up":
        return this.#retry("down", reason, now);
    }
  }

  /** Takes bytes that came over the connection; the same contract as `ClassicPeer.receive()`. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    return this.#link === undefined ? length : this.#link.receive(bytes, offset, length, now);
  }

  /** Passes on a packet that the TUN device gave. */
  fromTun(bytes: Uint8Array, offset: number, length: number, now: number): void {
    this.#counters.pass(Way.FromTun, length);
    if (this.#phase === "up") this.#link!.fromTun(bytes, offset, length, now);
    else this.#counters.drop(DropReason.NotConnected);
  }

  /** @see {LinkOwner} */
  linkUp(address: number, now: number): void {
    this.#enter("up", Infinity);
    this.#address = address;
    this.#upSince = now;
    this.#ports.report({ type: "up", address, candidate: this.#candidate });
  }

  /** @see {LinkOwner} */
  linkLost(reason: string, now: number): void {
    this.#retry(this.#phase === "up" ? "down" : "failed", reason, now);
  }

  /** @see {LinkOwner} */
  toTun(bytes: Uint8Array, offset: number, length: number): void {
    this.#ports.toTun(bytes, offset, length);
  }

  #enter(phase: Phase, ends: number): void {
    this.#phase = phase;
    this.#phaseEnds = ends;
  }

  #connect(candidate: number, now: number): void {
    this.#candidate = candidate;
    this.#enter("connecting", now + CONNECT_TIMEOUT);
    this.#ports.connect(candidate);
  }

  /** The address to ask for: the one demanded, else for a while the one that was lost. */
  #wanted(now: number): number | undefined {
    const reclaim = now < this.#lostAt + RECLAIM_TIME ? this.#address : undefined;
    return this.#options.address ?? reclaim;
  }

  /** The server closed the connection instead of giving an address. */
  #refused(now: number): void {
    const address = this.#wanted(now);
    if (address === undefined) {
      this.#retry("failed", "the server closed the connection without giving an address", now);
    } else if (this.#address === undefined) {
      this.#giveUp("refused", "the server refused it");
    } else {
      this.#ports.report({ type: "refused", address, retry: this.#pause(now) });
    }
  }

  #retry(type: "down" | "failed", reason: string, now: number): void {
    if (type === "down") {
      this.#lostAt = now;
      if (now - this.#upSince >= BACKOFF_RESET) this.#backoff.reset();
    }
    this.#ports.report({ type, reason, retry: this.#pause(now) });
  }

  /** Waits before the next attempt; returns how long. */
  #pause(now: number): number {
    const pause = this.#backoff.next();
    this.#link = undefined;
    this.#enter("waiting", now + pause);
    return pause;
  }

  #giveUp(cause: "refused" | "unresolved", reason: string): void {
    this.#link = undefined;
    this.#enter("stopped", Infinity);
    this.#ports.report({ type: "gave_up", cause, reason });
  }
}
