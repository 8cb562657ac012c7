import type { Ipv4Prefix } from "../address/ipv4_prefix.ts";

/** The length of a prefix that is one address. */
const HOST = 32;

/** The part of a RoutingTable that is about IPv4. */
export class Ipv4Table<Owner> {
  /**
   * Owners by the first address of their prefixes, the longest prefixes first. The keys are signed,
   * since V8 keeps 32-bit integers without a heap object each, but not unsigned ones above 2^31.
   */
  #lengths: { mask: number; length: number; owners: Map<number, Owner> }[] = [];

  /** How many prefixes have an owner. */
  get size(): number {
    return this.#lengths.reduce((sum, { owners }) => sum + owners.size, 0);
  }

  /** @see {RoutingTable} */
  add({ first, length }: Ipv4Prefix, owner: Owner): void {
    const owners = this.#ownersOf(length) ?? this.#addLength(length);
    if (owners.has(first | 0)) throw new Error("The prefix has an owner already");
    owners.set(first | 0, owner);
  }

  delete({ first, length }: Ipv4Prefix): void {
    const owners = this.#ownersOf(length);
    owners?.delete(first | 0);
    if (owners?.size === 0) {
      this.#lengths = this.#lengths.filter((entry) => entry.owners !== owners);
    }
  }

  ownerOf(address: number): Owner | undefined {
    for (const { mask, owners } of this.#lengths) {
      const owner = owners.get(address & mask);
      if (owner !== undefined) return owner;
    }
    return undefined;
  }

  /** The owner of this very prefix. */
  get({ first, length }: Ipv4Prefix): Owner | undefined {
    return this.#ownersOf(length)?.get(first | 0);
  }

  #ownersOf(length: number): Map<number, Owner> | undefined {
    return this.#lengths.find((entry) => entry.length === length)?.owners;
  }

  #addLength(length: number): Map<number, Owner> {
    const owners = new Map<number, Owner>();
    const mask = length === 0 ? 0 : -1 << (HOST - length);
    this.#lengths = [...this.#lengths, { mask, length, owners }]
      .toSorted((a, b) => b.length - a.length);
    return owners;
  }
}
