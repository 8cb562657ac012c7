/**
 * ChaCha20-Poly1305 (RFC 8439) as records use it: in place, with a counter for a nonce and without
 * associated data (the record header says which key and how many bytes, and neither can be wrong
 * without the tag being wrong).
 */

/** Bytes of the tag that follows sealed bytes. */
export const TAG_LENGTH = 16;

/** Bytes of a nonce: 4 zeros, then the counter as 64 bits, little-endian (Noise, 12.3). */
export const NONCE_LENGTH = 12;

/** Seals with one key. Not to be used after `destroy()`. */
export interface Sealer {
  /**
   * Encrypts `length` bytes at `offset` in place and writes their tag into the TAG_LENGTH bytes behind.
   *
   * @param counter never the same twice
   */
  seal(counter: number, bytes: Uint8Array, offset: number, length: number): void;
  /** Forgets the key. */
  destroy(): void;
}

/** Opens what a Sealer with the same key has sealed. Not to be used after `destroy()`. */
export interface Opener {
  /**
   * Decrypts `length` bytes at `offset`, not counting the tag behind them, in place. Returns false if
   * they are not what was sealed with this counter; they are undefined then.
   */
  open(counter: number, bytes: Uint8Array, offset: number, length: number): boolean;
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

/** Writes a counter, 0 to 2^53-1, as the NONCE_LENGTH bytes of its nonce. */
export function writeNonce(view: DataView, counter: number): void {
  view.setUint32(0, 0);
  view.setUint32(4, counter % 2 ** 32, true);
  view.setUint32(8, Math.floor(counter / 2 ** 32), true);
}
