import { createCipheriv, createDecipheriv } from "node:crypto";
import { type CipherSuite, type Opener, type Sealer, TAG_LENGTH } from "./cipher.ts";

const ALGORITHM = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_LENGTH };

class NodeSealer implements Sealer {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  seal(nonce: Uint8Array, bytes: Uint8Array, before: number, offset: number, length: number): void {
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, OPTIONS);
    cipher.setAAD(bytes.subarray(offset - before, offset), { plaintextLength: length });
    bytes.set(cipher.update(bytes.subarray(offset, offset + length)), offset);
    cipher.final();
    bytes.set(cipher.getAuthTag(), offset + length);
  }

  destroy(): void {
    this.#key.fill(0);
  }
}

class NodeOpener implements Opener {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  open(
    nonce: Uint8Array,
    bytes: Uint8Array,
    before: number,
    offset: number,
    length: number,
  ): boolean {
    const end = offset + length;
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, OPTIONS);
    decipher.setAAD(bytes.subarray(offset - before, offset), { plaintextLength: length });
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
    this.#key.fill(0);
  }
}

/** The implementation that is always there: node:crypto. It allocates at each call. */
export const nodeCipher: CipherSuite = {
  name: "node",
  sealer: (key) => new NodeSealer(key),
  opener: (key) => new NodeOpener(key),
};
