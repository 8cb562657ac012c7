/**
 * Who owns which address: the one answer to "where does this packet go?" and to "may it come from
 * there?" (cryptokey routing, in WireGuard's words). An address has at most one owner.
 */
export class RoutingTable<Owner> {
  // Signed keys: V8 keeps 32-bit integers without a heap object each, unsigned ones above 2^31 not.
  readonly #owners = new Map<number, Owner>();

  /** How many addresses have an owner. */
  get size(): number {
    return this.#owners.size;
  }

  /** @throws {Error} if the address has an owner already: taking over is never meant */
  add(address: number, owner: Owner): void {
    if (this.#owners.has(address | 0)) throw new Error("The address has an owner already");
    this.#owners.set(address | 0, owner);
  }

  delete(address: number): void {
    this.#owners.delete(address | 0);
  }

  ownerOf(address: number): Owner | undefined {
    return this.#owners.get(address | 0);
  }
}
