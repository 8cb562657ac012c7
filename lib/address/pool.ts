import { formatIpv4 } from "./ipv4_address.ts";
import { Leases } from "./leases.ts";
import type { Ipv4Prefix } from "./ipv4_prefix.ts";

/**
 * The addresses that a server hands out: all of its network but the network's own address, the
 * broadcast address and the server's. An address in use is never given twice.
 */
export class Pool {
  readonly #prefix: Ipv4Prefix;
  readonly #serverAddress: number;
  readonly #leases: Leases;
  readonly #inUse = new Set<number>();
  /** Addresses that others give. */
  #reserved: ReadonlySet<number> = new Set();
  /** Where the search for an address that nobody ever had goes on, from the high end down. */
  #cursor: number;

  /**
   * @param leases remembered addresses, all of this network; the pool keeps them up to date
   * @throws {RangeError} if the network has no address left for a client
   */
  constructor(prefix: Ipv4Prefix, serverAddress: number, leases: Leases) {
    this.#prefix = prefix;
    this.#serverAddress = serverAddress;
    this.#leases = leases;
    this.#cursor = prefix.last - 1;
    if (this.capacity < 1) {
      throw new RangeError(`The network ${prefix} has no address for a client`);
    }
  }

  /** The first host address of a network, which is the server's. */
  static serverAddress(prefix: Ipv4Prefix): number {
    return prefix.first + 1;
  }

  /** How many addresses there are to give. */
  get capacity(): number {
    return this.#prefix.last - this.#prefix.first - 2;
  }

  /** How many are in use. */
  get used(): number {
    return this.#inUse.size;
  }

  /** Whether clients may have this address at all. */
  includes(address: number): boolean {
    return address > this.#prefix.first && address < this.#prefix.last &&
      address !== this.#serverAddress;
  }

  /** Sets these addresses aside, in place of those set aside before; they are not given any more. */
  reserve(addresses: Iterable<number>): void {
    this.#reserved = new Set(addresses);
  }

  /** Whether `claim()` would succeed. */
  isFree(address: number): boolean {
    return this.includes(address) && !this.#inUse.has(address) && !this.#reserved.has(address);
  }

  /** Takes this very address for `source`. Returns false if it is in use or not ours to give. */
  claim(address: number, source: string): boolean {
    if (!this.isFree(address)) return false;
    this.#inUse.add(address);
    this.#leases.remember(address, source);
    return true;
  }

  /**
   * Takes an address for `source`: the one that it had last if that is free, else one that nobody
   * is remembered for, else the one unused for longest. Returns undefined if all are in use.
   */
  allocate(source: string): number | undefined {
    if (this.#inUse.size >= this.capacity) return undefined;
    const free = (address: number): boolean => this.isFree(address);
    const address = this.#leases.latestOf(source, free) ?? this.#nextUnknown() ??
      this.#leases.oldest(free);
    if (address === undefined) return undefined;
    this.claim(address, source);
    return address;
  }

  /**
   * Gives an address back. Its lease stays, as the most recently used one.
   *
   * @throws {RangeError} if it was not in use
   */
  release(address: number): void {
    if (!this.#inUse.delete(address)) {
      throw new RangeError(`The address ${formatIpv4(address)} is not in use`);
    }
    this.#leases.renew(address);
  }

  /** Steps over at most every address that is in use or remembered, so the work is bounded. */
  #nextUnknown(): number | undefined {
    if (this.#leases.size >= this.capacity) return undefined;
    const known = this.#inUse.size + this.#leases.size + this.#reserved.size;
    const steps = Math.min(known, this.capacity) + 2;
    for (let i = 0; i < steps; i++) {
      const address = this.#cursor;
      this.#cursor = address - 1 > this.#prefix.first ? address - 1 : this.#prefix.last - 1;
      if (this.isFree(address) && !this.#leases.has(address)) return address;
    }
    return undefined;
  }
}
