import type { Connection } from "./connection.ts";

/**
 * The connections that have not shown who they are, those silent for longest first. There is a limit
 * to them, in all and from one network; beyond it the longest silent ones have to go, so that whoever
 * comes and speaks at once always gets through.
 */
export class Strangers {
  readonly #most: number;
  readonly #mostPerNetwork: number;
  /** Sets keep the order of insertion. */
  readonly #all = new Set<Connection>();
  readonly #byNetwork = new Map<string, Set<Connection>>();

  constructor(most: number, mostPerNetwork: number) {
    this.#most = most;
    this.#mostPerNetwork = mostPerNetwork;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Adds a connection. Returns the one that has to go for it, if any. */
  add(connection: Connection): Connection | undefined {
    const network = this.#networkOf(connection);
    const crowd = network.size >= this.#mostPerNetwork
      ? network
      : this.#all.size >= this.#most
      ? this.#all
      : undefined;
    const oldest: Connection | undefined = crowd?.values().next().value;
    network.add(connection);
    this.#all.add(connection);
    return oldest;
  }

  /** Notes that a connection spoke; nothing happens if it is no stranger any more. */
  touch(connection: Connection): void {
    if (!this.delete(connection)) return;
    this.#networkOf(connection).add(connection);
    this.#all.add(connection);
  }

  /** Whether it was there. */
  delete(connection: Connection): boolean {
    if (!this.#all.delete(connection)) return false;
    const { network } = connection.origin;
    const crowd = this.#byNetwork.get(network)!;
    crowd.delete(connection);
    if (crowd.size === 0) this.#byNetwork.delete(network);
    return true;
  }

  /** The one that has been silent for longest. */
  oldest(): Connection | undefined {
    return this.#all.values().next().value;
  }

  #networkOf({ origin }: Connection): Set<Connection> {
    const known = this.#byNetwork.get(origin.network);
    if (known !== undefined) return known;
    const crowd = new Set<Connection>();
    this.#byNetwork.set(origin.network, crowd);
    return crowd;
  }
}
