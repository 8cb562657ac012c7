/**
 * ChaCha20-Poly1305 (RFC 8439) as records use it: in place, in a buffer that has the associated data
 * in front of the sealed bytes, and the tag behind them.
 */

/** Bytes of the tag that follows sealed bytes. */
export const TAG_LENGTH = 16;

/** Bytes of a nonce: 4 zeros, then a counter as 64 bits, little-endian (Noise, 12.3). */
export const NONCE_LENGTH = 12;

/** Seals with one key. Not to be used after `destroy()`. */
export interface Sealer {
  /**
   * Encrypts `length` bytes at `offset` in place, authenticates them and the `before` bytes in front
   * of them, and writes the tag into the TAG_LENGTH bytes behind.
   *
   * @param nonce NONCE_LENGTH bytes, never the same twice
   */
  seal(nonce: Uint8Array, bytes: Uint8Array, before: number, offset: number, length: number): void;
  /** Forgets the key. */
  destroy(): void;
}

/** Opens what a Sealer with the same key has sealed. Not to be used after `destroy()`. */
export interface Opener {
  /**
   * Decrypts `length` bytes at `offset`, not counting the tag behind them, in place. Returns false if
   * they, the `before` bytes in front of them and the nonce are not what was sealed; the bytes are
   * undefined then.
   */
  open(
    nonce: Uint8Array,
    bytes: Uint8Array,
    before: number,
    offset: number,
    length: number,
  ): boolean;
  /** Forgets the key. */
  destroy(): void;
}

/** One implementation. The key's bytes are copied, and stay the caller's to zero. */
export interface CipherSuite {
  /** As `--crypto` calls it. */
  readonly name: string;
  sealer(key: Uint8Array): Sealer;
  opener(key: Uint8Array): Opener;
}

/** Writes a counter, 0 to 2^53-1, as the nonce that Noise makes of it (12.3). */
export function writeNonce(nonce: DataView, counter: number): void {
  nonce.setUint32(0, 0);
  // Of a larger number it writes the lower 32 bits.
  nonce.setUint32(4, counter, true);
  nonce.setUint32(8, counter / 2 ** 32, true);
}
