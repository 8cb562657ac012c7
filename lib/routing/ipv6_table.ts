import type { Ipv6Prefix } from "../address/ipv6_prefix.ts";
import { readInt32 } from "../packet/ipv4.ts";

/**
 * The part of a RoutingTable that is about IPv6. An address is looked up where it lies in a packet, word
 * by word: no key is made of it. Words are signed, since V8 keeps 32-bit integers without a heap object
 * each, but not unsigned ones above 2^31.
 */
export class Ipv6Table<Owner> {
  /** The longest prefixes first. */
  #lengths: PrefixesOfLength<Owner>[] = [];

  /** How many prefixes have an owner. */
  get size(): number {
    return this.#lengths.reduce((sum, { size }) => sum + size, 0);
  }

  /** @see {RoutingTable} */
  add(prefix: Ipv6Prefix, owner: Owner): void {
    const prefixes = this.#ofLength(prefix) ?? this.#addLength(prefix);
    if (prefixes.get(prefix) !== undefined) throw new Error("The prefix has an owner already");
    prefixes.add(prefix, owner);
  }

  delete(prefix: Ipv6Prefix): void {
    const prefixes = this.#ofLength(prefix);
    prefixes?.delete(prefix);
    if (prefixes?.size === 0) this.#lengths = this.#lengths.filter((other) => other !== prefixes);
  }

  /** The owner of the address at `at`. */
  ownerOf(bytes: Uint8Array, at: number): Owner | undefined {
    const a = readInt32(bytes, at);
    const b = readInt32(bytes, at + 4);
    const c = readInt32(bytes, at + 8);
    const d = readInt32(bytes, at + 12);
    for (const prefixes of this.#lengths) {
      const owner = prefixes.find(a, b, c, d);
      if (owner !== undefined) return owner;
    }
    return undefined;
  }

  /** The owner of this very prefix. */
  get(prefix: Ipv6Prefix): Owner | undefined {
    return this.#ofLength(prefix)?.get(prefix);
  }

  #ofLength({ length }: Ipv6Prefix): PrefixesOfLength<Owner> | undefined {
    return this.#lengths.find((prefixes) => prefixes.length === length);
  }

  #addLength(prefix: Ipv6Prefix): PrefixesOfLength<Owner> {
    const prefixes = new PrefixesOfLength<Owner>(prefix);
    this.#lengths = [...this.#lengths, prefixes].toSorted((a, b) => b.length - a.length);
    return prefixes;
  }
}

/** A prefix, and the next one with the same hash. */
interface Entry<Owner> {
  readonly words: Int32Array;
  readonly owner: Owner;
  next: Entry<Owner> | undefined;
}

/** A hash table of the prefixes of one length. */
class PrefixesOfLength<Owner> {
  readonly length: number;
  size = 0;
  readonly #mask: Int32Array;
  readonly #entries = new Map<number, Entry<Owner>>();

  /** @param like a prefix of that length */
  constructor(like: Ipv6Prefix) {
    this.length = like.length;
    this.#mask = Int32Array.from(like.mask, (word) => word | 0);
  }

  /** The prefix must not be there yet. */
  add({ first }: Ipv6Prefix, owner: Owner): void {
    const words = Int32Array.from(first, (word) => word | 0);
    const key = hashOf(words);
    this.#entries.set(key, { words, owner, next: this.#entries.get(key) });
    this.size++;
  }

  delete(prefix: Ipv6Prefix): void {
    if (this.get(prefix) === undefined) return;
    const words = Int32Array.from(prefix.first, (word) => word | 0);
    const key = hashOf(words);
    const kept = [...chain(this.#entries.get(key))].filter((entry) => !isEqual(entry.words, words));
    this.#entries.delete(key);
    for (const entry of kept) {
      entry.next = this.#entries.get(key);
      this.#entries.set(key, entry);
    }
    this.size--;
  }

  get({ first: [a, b, c, d] }: Ipv6Prefix): Owner | undefined {
    return this.find(a | 0, b | 0, c | 0, d | 0);
  }

  /** The owner of the prefix that an address is in, of which these are the words. */
  find(a: number, b: number, c: number, d: number): Owner | undefined {
    const mask = this.#mask;
    a &= mask[0]!;
    b &= mask[1]!;
    c &= mask[2]!;
    d &= mask[3]!;
    let entry = this.#entries.get(hash(a, b, c, d));
    for (; entry !== undefined; entry = entry.next) {
      const { words } = entry;
      if (words[3] === d && words[2] === c && words[1] === b && words[0] === a) return entry.owner;
    }
    return undefined;
  }
}

function* chain<Owner>(first: Entry<Owner> | undefined): Generator<Entry<Owner>> {
  for (let entry = first; entry !== undefined; entry = entry.next) yield entry;
}

function hashOf(words: Int32Array): number {
  return hash(words[0]!, words[1]!, words[2]!, words[3]!);
}

/** Prefixes come from the registry, which no stranger fills: nobody can make them collide. */
function hash(a: number, b: number, c: number, d: number): number {
  return Math.imul(Math.imul(Math.imul(a, 31) ^ b, 31) ^ c, 31) ^ d;
}

function isEqual(one: Int32Array, other: Int32Array): boolean {
  return one.every((word, i) => word === other[i]);
}
