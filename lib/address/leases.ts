/** An address and the host that last held it, named by its outer source address. */
export interface Lease {
  address: number;
  source: string;
}

/**
 * Remembers who held which address, so that a client that comes back gets its old one. Leases do not
 * expire by a clock (a board without a battery-backed one would lose them all at boot): they are
 * kept in order of use, and the oldest goes when `limit` is reached or the pool needs its address.
 */
export class Leases {
  /** Oldest first: Maps and Sets keep the order of insertion, and renewing inserts anew. */
  readonly #sources = new Map<number, string>();
  readonly #addresses = new Map<string, Set<number>>();
  readonly #limit: number;

  /** @param limit how many leases are kept at the most */
  constructor(limit: number, leases: Iterable<Lease> = []) {
    this.#limit = limit;
    for (const { address, source } of leases) this.remember(address, source);
  }

  get size(): number {
    return this.#sources.size;
  }

  has(address: number): boolean {
    return this.#sources.has(address);
  }

  /** Notes that `source` holds `address` now; a lease that another source had on it is gone. */
  remember(address: number, source: string): void {
    this.forget(address);
    this.#sources.set(address, source);
    const addresses = this.#addresses.get(source);
    if (addresses === undefined) this.#addresses.set(source, new Set([address]));
    else addresses.add(address);
    if (this.#sources.size > this.#limit) this.forget(this.#sources.keys().next().value!);
  }

  forget(address: number): void {
    const source = this.#sources.get(address);
    if (source === undefined) return;
    this.#sources.delete(address);
    const addresses = this.#addresses.get(source)!;
    addresses.delete(address);
    if (addresses.size === 0) this.#addresses.delete(source);
  }

  /** Makes an address the most recently used one, if it is known. */
  renew(address: number): void {
    const source = this.#sources.get(address);
    if (source !== undefined) this.remember(address, source);
  }

  /** The address that `source` used last among those that `usable` accepts. */
  latestOf(source: string, usable: (address: number) => boolean): number | undefined {
    return [...this.#addresses.get(source) ?? []].findLast(usable);
  }

  /** The address unused for longest among those that `usable` accepts. */
  oldest(usable: (address: number) => boolean): number | undefined {
    return this.#sources.keys().find(usable);
  }

  /** All leases, oldest first. */
  *[Symbol.iterator](): Generator<Lease> {
    for (const [address, source] of this.#sources) yield { address, source };
  }
}
