/**
 * Numbers that look random and are the same in every run: a test that fails with them fails again.
 * The generator is Marsaglia's xorshift32.
 */
export class Random {
  #state: number;

  /** @param seed a whole number; different seeds give different sequences */
  constructor(seed: number) {
    // A state of 0 would stay 0. The first numbers of neighbouring seeds are alike, so they go unseen.
    this.#state = (Math.imul(seed, 0x2545f491) ^ 0x6c078965) || 1;
    for (let i = 0; i < 16; i++) this.next();
  }

  /** A number from 0 up to, not including, 1. */
  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.integer(0, 255));
  }

  /** One of these values. */
  pick<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)]!;
  }

  /** The text with a few characters removed, replaced or inserted, those from `alphabet`. */
  garble(text: string, alphabet: string): string {
    const characters = [...text];
    for (let edits = this.integer(0, 3); edits > 0; edits--) {
      const inserted = this.next() < 0.7 ? [this.pick([...alphabet])] : [];
      characters.splice(this.integer(0, characters.length), this.integer(0, 1), ...inserted);
    }
    return characters.join("");
  }
}
