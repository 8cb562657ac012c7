import type { Transport } from "./transport.ts";

/** Where a connection comes from. */
export interface Origin {
  /** The client's outer address, as text. */
  host: string;
  /** Names the network that it is in, /24 or /64: strangers from one network share their limits. */
  network: string;
}

/** What a connection's bytes mean to the server at one stage of the connection's life. */
export interface Stage {
  /** When `advance()` has something to do at the earliest. */
  readonly deadline: number;
  advance(now: number): void;
  /** Takes bytes; returns how many of them are done with. The rest is to come again, with more. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number;
  /** The connection is gone. */
  ended(reason: string): void;
}

/** A server's end of one connection: one stage after the other, until it is closed. */
export class Connection {
  /** Names the connection for as long as the server runs. */
  readonly id: number;
  readonly origin: Origin;
  readonly transport: Transport;
  readonly #forget: (connection: Connection) => void;
  #stage: Stage | undefined;
  #closed = false;

  /** @param forget is told when the connection is gone */
  constructor(
    id: number,
    transport: Transport,
    origin: Origin,
    forget: (connection: Connection) => void,
  ) {
    this.id = id;
    this.transport = transport;
    this.origin = origin;
    this.#forget = forget;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get stage(): Stage | undefined {
    return this.#stage;
  }

  get deadline(): number {
    return this.#stage?.deadline ?? Infinity;
  }

  /** Enters the next stage. */
  enter(stage: Stage): void {
    this.#stage = stage;
  }

  advance(now: number): void {
    this.#stage?.advance(now);
  }

  /**
   * Takes bytes that came over the connection. Returns how many of them are done with; the rest is to
   * be given again, with what comes next behind it.
   */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    return this.#stage?.receive(bytes, offset, length, now) ?? length;
  }

  /** Ends the connection from this side. */
  close(reason: string): void {
    this.#end(reason, () => this.transport.close());
  }

  /** Ends the connection from this side, in a way that does not tell what was read of it. */
  abort(reason: string): void {
    this.#end(reason, () => this.transport.abort());
  }

  /** The connection ended from outside. */
  disconnected(reason: string): void {
    this.#end(reason, () => {});
  }

  #end(reason: string, close: () => void): void {
    if (this.#closed) return;
    this.#closed = true;
    close();
    this.#forget(this);
    this.#stage?.ended(reason);
  }
}
