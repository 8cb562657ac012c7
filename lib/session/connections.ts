import { readUint32 } from "../packet/ipv4.ts";
import { Connection, type Origin, type Stage } from "./connection.ts";
import { MAX_STRANGERS, MAX_STRANGERS_PER_NETWORK } from "./limits.ts";
import { Strangers } from "./strangers.ts";
import type { Transport } from "./transport.ts";

/** Milliseconds from one look at all connections to the next, at the least. */
const SCAN_INTERVAL = 50;

const TOO_MANY = "too many connections";

/** What a server's connections need of it. */
export interface ConnectionsOwner {
  /** 32 random bytes. */
  randomKey(): Uint8Array;
  /**
   * There are as many connections as there may be, all of clients that have shown who they are, and
   * `source` was turned away: told once, until a connection ends.
   */
  full(connections: number, source: string): void;
}

/**
 * The connections of a server, by their numbers: makes them, and gives each its turn when it has
 * something to do. There is a limit to them; beyond it the stranger that has been silent for longest has
 * to go, and if there is none, whoever comes is turned away.
 */
export class Connections {
  /** How many there may be; those that there are stay. */
  most: number;
  readonly #owner: ConnectionsOwner;
  readonly #tag: number;
  readonly #all = new Map<number, Connection>();
  readonly #strangers = new Strangers(MAX_STRANGERS, MAX_STRANGERS_PER_NETWORK);
  /** Whether somebody was turned away since a connection ended last. */
  #full = false;
  #deadline = Infinity;

  /** @param tag last byte of all numbers */
  constructor(owner: ConnectionsOwner, most: number, tag: number) {
    this.#owner = owner;
    this.most = most;
    this.#tag = tag;
  }

  get size(): number {
    return this.#all.size;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return this.#deadline;
  }

  /** The connection of this number, if it is there. */
  get(id: number): Connection | undefined {
    return this.#all.get(id);
  }

  /** What all connections mean to the server at present. */
  stages(): Stage[] {
    return [...this.#all.values()].flatMap(({ stage }) => stage ?? []);
  }

  /**
   * Makes a connection, which begins as a stranger's. Returns it, or undefined, and the transport is
   * closed, if there is no room for it.
   *
   * @param stage makes its first stage
   */
  open(
    transport: Transport,
    origin: Origin,
    stage: (connection: Connection) => Stage,
  ): Connection | undefined {
    if (this.#all.size >= this.most && !this.#makeRoom(origin)) {
      transport.close();
      return undefined;
    }
    const connection = new Connection(this.#newId(), transport, origin, (connection) => {
      this.#full = false;
      this.#all.delete(connection.id);
      this.#strangers.delete(connection);
    });
    this.#all.set(connection.id, connection);
    connection.enter(stage(connection));
    this.#strangers.add(connection)?.abort(TOO_MANY);
    this.hurry(connection.deadline);
    return connection;
  }

  /** Gives their turns to those that have something to do by `now`. */
  advance(now: number): void {
    if (now < this.#deadline) return;
    let earliest = Infinity;
    for (const connection of this.#all.values()) {
      if (connection.deadline <= now) connection.advance(now);
      if (!connection.isClosed) earliest = Math.min(earliest, connection.deadline);
    }
    this.#deadline = Math.max(earliest, now + SCAN_INTERVAL);
  }

  /** A connection has something to do at `deadline`, which may be sooner than any had. */
  hurry(deadline: number): void {
    this.#deadline = Math.min(this.#deadline, deadline);
  }

  /** A connection spoke: if it is a stranger's, others have been silent for longer. */
  heard(connection: Connection): void {
    this.#strangers.touch(connection);
  }

  /** A connection has shown who it is: it is no stranger's any more. */
  trust(connection: Connection): void {
    this.#strangers.delete(connection);
  }

  /** Ends a stranger's connection for another one; returns false if there is none. */
  #makeRoom({ host }: Origin): boolean {
    const stranger = this.#strangers.oldest();
    stranger?.abort(TOO_MANY);
    if (stranger !== undefined) return true;
    if (!this.#full) this.#owner.full(this.#all.size, host);
    this.#full = true;
    return false;
  }

  /**
   * A number that tells whoever sees it nothing but the tag, by which most of what others make up can be
   * told from data without knowing the connections.
   */
  #newId(): number {
    for (;;) {
      const key = this.#owner.randomKey();
      key[3] = this.#tag;
      const id = readUint32(key, 0);
      if (!this.#all.has(id)) return id;
    }
  }
}
