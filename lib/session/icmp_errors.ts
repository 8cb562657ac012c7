import { fragmentationNeeded } from "../packet/icmp.ts";
import { MAX_TOO_LONG_REPORTS } from "./limits.ts";

const WINDOW = 1000;

/** Makes the errors that a server answers packets with, so many in a second at the most. */
export class IcmpErrors {
  readonly #from: number;
  #count = 0;
  #windowEnds = -Infinity;

  /** @param from the server's inner address */
  constructor(from: number) {
    this.#from = from;
  }

  /** Says that an IPv4 packet is longer than `most` bytes; undefined if nothing is to be said. */
  tooLong(
    bytes: Uint8Array,
    offset: number,
    length: number,
    most: number,
    now: number,
  ): Uint8Array | undefined {
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW;
      this.#count = 0;
    }
    if (++this.#count > MAX_TOO_LONG_REPORTS) return undefined;
    return fragmentationNeeded(bytes, offset, length, this.#from, most);
  }
}
