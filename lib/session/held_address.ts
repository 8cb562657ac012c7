import { RECLAIM_TIME } from "./limits.ts";

/** The address that a client had last: for a while it asks the same server for it again. */
export class HeldAddress {
  #address: number | undefined;
  /** Whose it is, by the server's place in the list. */
  #server = 0;
  #lostAt = 0;

  /** Whether there ever was one. */
  get isKnown(): boolean {
    return this.#address !== undefined;
  }

  /** The client has this address now. */
  hold(address: number, server: number): void {
    this.#address = address;
    this.#server = server;
  }

  /** The connection by which it had one is gone. */
  lose(now: number): void {
    this.#lostAt = now;
  }

  /** What to ask a server for; undefined if any will do. */
  wanted(server: number, now: number): number | undefined {
    return server === this.#server && now < this.#lostAt + RECLAIM_TIME ? this.#address : undefined;
  }
}
