import { createCipheriv, createDecipheriv } from "node:crypto";
import {
  type CipherSuite,
  NONCE_LENGTH,
  type Opener,
  type Sealer,
  TAG_LENGTH,
  writeNonce,
} from "./cipher.ts";

const ALGORITHM = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_LENGTH };

/** A key and a nonce, and room for neither after `destroy()`. */
class KeyedNonce {
  readonly key: Uint8Array;
  readonly nonce = new Uint8Array(NONCE_LENGTH);
  readonly #view = new DataView(this.nonce.buffer);

  constructor(key: Uint8Array) {
    this.key = key.slice();
  }

  set counter(counter: number) {
    writeNonce(this.#view, counter);
  }

  destroy(): void {
    this.key.fill(0);
  }
}

class NodeSealer implements Sealer {
  readonly #keyed: KeyedNonce;

  constructor(key: Uint8Array) {
    this.#keyed = new KeyedNonce(key);
  }

  seal(counter: number, bytes: Uint8Array, offset: number, length: number): void {
    this.#keyed.counter = counter;
    const cipher = createCipheriv(ALGORITHM, this.#keyed.key, this.#keyed.nonce, OPTIONS);
    bytes.set(cipher.update(bytes.subarray(offset, offset + length)), offset);
    cipher.final();
    bytes.set(cipher.getAuthTag(), offset + length);
  }

  destroy(): void {
    this.#keyed.destroy();
  }
}

class NodeOpener implements Opener {
  readonly #keyed: KeyedNonce;

  constructor(key: Uint8Array) {
    this.#keyed = new KeyedNonce(key);
  }

  open(counter: number, bytes: Uint8Array, offset: number, length: number): boolean {
    this.#keyed.counter = counter;
    const decipher = createDecipheriv(ALGORITHM, this.#keyed.key, this.#keyed.nonce, OPTIONS);
    const end = offset + length;
    decipher.setAuthTag(bytes.subarray(end, end + TAG_LENGTH));
    const opened = decipher.update(bytes.subarray(offset, end));
    try {
      decipher.final();
    } catch {
      return false;
    }
    bytes.set(opened, offset);
    return true;
  }

  destroy(): void {
    this.#keyed.destroy();
  }
}

/** The implementation that is always there: node:crypto. It allocates a little at each call. */
export const nodeCipher: CipherSuite = {
  name: "node",
  sealer: (key) => new NodeSealer(key),
  opener: (key) => new NodeOpener(key),
};
