import type { Random } from "../random.ts";
import type { Clock } from "./clock.ts";
import { Datagrams } from "./datagrams.ts";
import { type Way, Wire } from "./wire.ts";

/** Somebody who takes connections. */
export interface Listener {
  /** Takes the server's end of a wire; to be attached before the call returns, or closed. */
  accept(wire: Wire, source: string): void;
}

/** Somebody who waits for a connection; told one of the two, unless the path is silent. */
export interface Attempt {
  connected(wire: Wire): void;
  failed(reason: string): void;
}

/** When time began: the beginning of 2026. */
const WALL_CLOCK = Date.UTC(2026, 0, 1);

/** Hosts and the wires between them, in memory. Hosts are names; they exist by being used. */
export class Network implements Way {
  readonly clock: Clock;
  readonly random: Random;
  readonly datagrams: Datagrams;
  delay: readonly [least: number, most: number] = [1, 40];
  /** What `delay` is instead for hosts that are nearer or further than others. */
  readonly distances = new Map<string, Way["delay"]>();
  readonly #listeners = new Map<string, Listener>();
  readonly #blocked = new Set<string>();

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
    this.datagrams = new Datagrams(clock, random);
  }

  /** Milliseconds since 1970, by clocks that are right. */
  get wallClock(): number {
    return WALL_CLOCK + this.clock.now;
  }

  listen(host: string, listener: Listener): void {
    this.#listeners.set(host, listener);
  }

  unlisten(host: string): void {
    this.#listeners.delete(host);
  }

  /** From now on nothing answers when `host` connects, or is connected to; wires stay as they are. */
  block(host: string): void {
    this.#blocked.add(host);
  }

  unblock(host: string): void {
    this.#blocked.delete(host);
  }

  /** Begins to connect. Returns what ends the attempt, after which it is told nothing. */
  connect(source: string, host: string, attempt: Attempt): () => void {
    let abandoned = false;
    let wire: Wire | undefined;
    const way = this.#wayTo(host);
    const later = (action: () => void): void => {
      this.clock.after(this.random.integer(...way.delay), () => abandoned || action());
    };
    later(() => {
      if (this.#blocked.has(source) || this.#blocked.has(host)) return;
      const listener = this.#listeners.get(host);
      if (listener === undefined) return later(() => attempt.failed("connection refused"));
      const made = wire = new Wire(way);
      listener.accept(made, source);
      later(() => attempt.connected(made));
    });
    return () => {
      abandoned = true;
      wire?.client.close();
    };
  }

  #wayTo(host: string): Way {
    const { clock, random } = this;
    const delay = this.distances.get(host);
    return delay === undefined ? this : { clock, random, delay };
  }
}
