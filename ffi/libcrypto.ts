/**
 * ChaCha20-Poly1305 by the system's OpenSSL (EVP_EncryptInit(3)): in place, without allocation, in
 * five calls a record. Same bytes as node:crypto's, at a fraction of the time.
 */
import {
  type CipherSuite,
  NONCE_LENGTH,
  type Opener,
  type Sealer,
  TAG_LENGTH,
} from "../lib/protocol/cipher.ts";
import { addressOf, NativeBuffer } from "./native_buffer.ts";

/** Versions whose calls are the ones below, newest first. */
const LIBRARIES = ["libcrypto.so.3", "libcrypto.so.1.1"];

const SYMBOLS = {
  EVP_chacha20_poly1305: { parameters: [], result: "usize" },
  EVP_CIPHER_CTX_new: { parameters: [], result: "usize" },
  EVP_CIPHER_CTX_free: { parameters: ["usize"], result: "void" },
  EVP_CIPHER_CTX_ctrl: { parameters: ["usize", "i32", "i32", "usize"], result: "i32" },
  EVP_CipherInit_ex: {
    parameters: ["usize", "usize", "usize", "usize", "usize", "i32"],
    result: "i32",
  },
  EVP_CipherUpdate: { parameters: ["usize", "usize", "usize", "usize", "i32"], result: "i32" },
  EVP_CipherFinal_ex: { parameters: ["usize", "usize", "usize"], result: "i32" },
} as const;

/** As libc's: plain numbers pass where Deno's own types want BigInts. */
interface Calls {
  EVP_chacha20_poly1305(): bigint;
  EVP_CIPHER_CTX_new(): bigint;
  EVP_CIPHER_CTX_free(context: number): void;
  EVP_CIPHER_CTX_ctrl(context: number, type: number, argument: number, pointer: number): number;
  EVP_CipherInit_ex(
    context: number,
    cipher: number,
    engine: number,
    key: number,
    nonce: number,
    encrypt: number,
  ): number;
  EVP_CipherUpdate(
    context: number,
    out: number,
    outLength: number,
    input: number,
    length: number,
  ): number;
  EVP_CipherFinal_ex(context: number, out: number, outLength: number): number;
}

/** openssl/evp.h */
const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;
const ENCRYPT = 1;
const DECRYPT = 0;
/** "As before", for the direction. */
const UNCHANGED = -1;

const nonce = new NativeBuffer(NONCE_LENGTH);
const outLength = new NativeBuffer(4);

/** One EVP_CIPHER_CTX with a key, for one direction. */
class Context {
  readonly #calls: Calls;
  readonly #context: number;
  #destroyed = false;

  constructor(calls: Calls, key: Uint8Array, direction: number) {
    this.#calls = calls;
    this.#context = Number(calls.EVP_CIPHER_CTX_new());
    const cipher = Number(calls.EVP_chacha20_poly1305());
    const copy = new NativeBuffer(key.length);
    copy.bytes.set(key);
    const done = this.#context !== 0 &&
      calls.EVP_CipherInit_ex(this.#context, cipher, 0, copy.address, 0, direction) === 1;
    copy.bytes.fill(0);
    if (!done) throw new Error("libcrypto cannot set up ChaCha20-Poly1305");
  }

  /** Begins a record with `length` bytes of associated data at `address`. */
  begin(nonceBytes: Uint8Array, address: number, length: number): void {
    if (this.#destroyed) throw new Error("The key is destroyed");
    nonce.bytes.set(nonceBytes);
    this.#calls.EVP_CipherInit_ex(this.#context, 0, 0, 0, nonce.address, UNCHANGED);
    this.#calls.EVP_CipherUpdate(this.#context, 0, outLength.address, address, length);
  }

  update(address: number, length: number): void {
    this.#calls.EVP_CipherUpdate(this.#context, address, outLength.address, address, length);
  }

  /** Ends a record; false if it is not authentic. */
  end(address: number): boolean {
    return this.#calls.EVP_CipherFinal_ex(this.#context, address, outLength.address) === 1;
  }

  tag(type: number, address: number): void {
    this.#calls.EVP_CIPHER_CTX_ctrl(this.#context, type, TAG_LENGTH, address);
  }

  /** libcrypto overwrites the key before it frees the memory. */
  destroy(): void {
    if (!this.#destroyed) this.#calls.EVP_CIPHER_CTX_free(this.#context);
    this.#destroyed = true;
  }
}

class LibcryptoSealer implements Sealer {
  readonly #context: Context;

  constructor(calls: Calls, key: Uint8Array) {
    this.#context = new Context(calls, key, ENCRYPT);
  }

  seal(nonce: Uint8Array, bytes: Uint8Array, before: number, offset: number, length: number): void {
    const address = addressOf(bytes) + offset;
    this.#context.begin(nonce, address - before, before);
    this.#context.update(address, length);
    this.#context.end(address + length);
    this.#context.tag(EVP_CTRL_AEAD_GET_TAG, address + length);
  }

  destroy(): void {
    this.#context.destroy();
  }
}

class LibcryptoOpener implements Opener {
  readonly #context: Context;

  constructor(calls: Calls, key: Uint8Array) {
    this.#context = new Context(calls, key, DECRYPT);
  }

  open(
    nonce: Uint8Array,
    bytes: Uint8Array,
    before: number,
    offset: number,
    length: number,
  ): boolean {
    const address = addressOf(bytes) + offset;
    this.#context.begin(nonce, address - before, before);
    this.#context.tag(EVP_CTRL_AEAD_SET_TAG, address + length);
    this.#context.update(address, length);
    return this.#context.end(address + length);
  }

  destroy(): void {
    this.#context.destroy();
  }
}

/** The system's libcrypto as a cipher suite; undefined if this machine has none that fits. */
export function openLibcrypto(): CipherSuite | undefined {
  const calls = LIBRARIES.map(load).find((calls) => calls !== undefined);
  if (calls === undefined) return undefined;
  return {
    name: "libcrypto",
    sealer: (key) => new LibcryptoSealer(calls, key),
    opener: (key) => new LibcryptoOpener(calls, key),
  };
}

function load(library: string): Calls | undefined {
  try {
    return Deno.dlopen(library, SYMBOLS).symbols as unknown as Calls;
  } catch {
    return undefined;
  }
}
