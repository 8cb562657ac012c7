import { HANDSHAKE_RATE, HANDSHAKE_RATE_PER_NETWORK } from "./limits.ts";

const WINDOW = 1000;

/** Bounds how many handshakes strangers can make a server compute: in all, and from one network. */
export class HandshakeLimit {
  /** Handshakes of this window by network: never more entries than HANDSHAKE_RATE. */
  readonly #networks = new Map<string, number>();
  #total = 0;
  #windowEnds = -Infinity;

  /** Whether one more, from this network, may be computed at `now`. */
  allows(network: string, now: number): boolean {
    if (now >= this.#windowEnds) {
      this.#networks.clear();
      this.#total = 0;
      this.#windowEnds = now + WINDOW;
    }
    const count = this.#networks.get(network) ?? 0;
    if (this.#total >= HANDSHAKE_RATE || count >= HANDSHAKE_RATE_PER_NETWORK) return false;
    this.#networks.set(network, count + 1);
    this.#total++;
    return true;
  }
}
