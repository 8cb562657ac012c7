import { Prefix } from "../address/prefix.ts";

/** The length of a prefix that is one address. */
const HOST = 32;

/**
 * Who owns which addresses: the one answer to "where does this packet go?" and to "may it come from
 * there?" (cryptokey routing, in WireGuard's words). A prefix has at most one owner; of several that
 * contain an address the longest counts.
 */
export class RoutingTable<Owner> {
  /**
   * Owners by the first address of their prefixes, the longest prefixes first. The keys are signed,
   * since V8 keeps 32-bit integers without a heap object each, but not unsigned ones above 2^31.
   */
  #lengths: { mask: number; length: number; owners: Map<number, Owner> }[] = [];

  /** How many prefixes have an owner. */
  get size(): number {
    return this.#lengths.reduce((sum, { owners }) => sum + owners.size, 0);
  }

  /** Says who owns one address. @throws {Error} as `addPrefix()` */
  add(address: number, owner: Owner): void {
    this.addPrefix(new Prefix(address, HOST), owner);
  }

  /** @throws {Error} if the very same prefix has an owner already: taking over is never meant */
  addPrefix({ first, length }: Prefix, owner: Owner): void {
    const owners = this.#ownersOf(length) ?? this.#addLength(length);
    if (owners.has(first | 0)) throw new Error("The prefix has an owner already");
    owners.set(first | 0, owner);
  }

  delete(address: number): void {
    this.deletePrefix(new Prefix(address, HOST));
  }

  deletePrefix({ first, length }: Prefix): void {
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
  prefixOwner({ first, length }: Prefix): Owner | undefined {
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
