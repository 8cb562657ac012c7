import type { GiveUpCause } from "./client_event.ts";

/**
 * Whose turn it is of several servers, which are told by their places in the list of them, the preferred
 * one first. They are tried in rounds, each at most once in a round. Those that will not have this client,
 * or whose network it cannot be in, are left out.
 */
export class ServerRota {
  readonly #count: number;
  /** Those that are left out, and why. */
  readonly #leftOut = new Map<number, GiveUpCause>();
  /** What is left of the round; the first has its turn. */
  #round: number[] = [];
  #current = 0;

  /** @param count 1 at the least */
  constructor(count: number) {
    this.#count = count;
    this.begin(0);
  }

  /** Whose turn it is. */
  get current(): number {
    return this.#current;
  }

  get hasSeveral(): boolean {
    return this.#count > 1;
  }

  /** Whether no other server is left in this round. */
  get isLast(): boolean {
    return this.#round.length <= 1;
  }

  /** Whether all servers are left out. */
  get isHopeless(): boolean {
    return this.#leftOut.size === this.#count;
  }

  /** Begins a round with this server, or with the first after it that is not left out. */
  begin(first: number): void {
    const all = Array.from({ length: this.#count }, (_, i) => (first + i) % this.#count);
    this.#round = all.filter((server) => !this.#leftOut.has(server));
    this.#current = this.#round[0] ?? this.#current;
  }

  /** Goes on to the next server of this round, of which there must be one. */
  next(): void {
    this.#round.shift();
    this.#current = this.#round[0]!;
  }

  /** Leaves the server out that has its turn, until `forgive()`. */
  leaveOut(cause: GiveUpCause): void {
    this.#leftOut.set(this.#current, cause);
  }

  /** Leaves none out any more that was left out for this cause, or for any. */
  forgive(cause?: GiveUpCause): void {
    for (const [server, why] of this.#leftOut) {
      if (cause === undefined || why === cause) this.#leftOut.delete(server);
    }
  }
}
