import { createHmac, timingSafeEqual } from "node:crypto";
import { COOKIE_LENGTH } from "../protocol/datagram.ts";
import { COOKIE_LIFETIME } from "./limits.ts";

/**
 * Cookies by which somebody proves that he receives what is sent to his address, without a byte of
 * memory for him: a MAC of the address by a secret that changes (RFC 9147, 5.1).
 */
export class CookieJar {
  readonly #random: () => Uint8Array;
  #secret: Uint8Array;
  #previous: Uint8Array;
  #changesAt: number;

  /** @param random gives 32 random bytes */
  constructor(random: () => Uint8Array, now: number) {
    this.#random = random;
    this.#secret = random();
    this.#previous = random();
    this.#changesAt = now + COOKIE_LIFETIME;
  }

  /** The cookie of an address, given with its port as bytes. */
  bake(address: Uint8Array, now: number): Uint8Array {
    this.#refresh(now);
    return cookieOf(this.#secret, address);
  }

  /** Whether a cookie was given to this address, not long ago. */
  isFresh(cookie: Uint8Array, address: Uint8Array, now: number): boolean {
    this.#refresh(now);
    return [this.#secret, this.#previous].some((secret) =>
      timingSafeEqual(cookie, cookieOf(secret, address))
    );
  }

  #refresh(now: number): void {
    if (now < this.#changesAt) return;
    const isLongGone = now >= this.#changesAt + COOKIE_LIFETIME;
    this.#previous = isLongGone ? this.#random() : this.#secret;
    this.#secret = this.#random();
    this.#changesAt = now + COOKIE_LIFETIME;
  }
}

function cookieOf(secret: Uint8Array, address: Uint8Array): Uint8Array {
  return createHmac("sha256", secret).update(address).digest().subarray(0, COOKIE_LENGTH);
}
