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
import { cString, NativeBuffer, viewFrom, writeUint64 } from "./native_buffer.ts";

/** Versions whose calls are the ones below, newest first. */
const LIBRARIES = ["libcrypto.so.3", "libcrypto.so.1.1"];

const SYMBOLS = {
  EVP_chacha20_poly1305: { parameters: [], result: "pointer" },
  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  EVP_CIPHER_CTX_free: { parameters: ["pointer"], result: "void" },
  EVP_CIPHER_CTX_ctrl: { parameters: ["buffer", "i32", "i32", "buffer"], result: "i32" },
  EVP_CipherInit_ex: {
    parameters: ["buffer", "pointer", "buffer", "buffer", "buffer", "i32"],
    result: "i32",
  },
  EVP_CipherUpdate: { parameters: ["buffer", "buffer", "buffer", "buffer", "i32"], result: "i32" },
  EVP_CipherFinal_ex: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** Since version 3. There EVP_CIPHER_CTX_ctrl() does the same in four times the time. */
  EVP_CIPHER_CTX_get_params: { parameters: ["buffer", "buffer"], result: "i32", optional: true },
  EVP_CIPHER_CTX_set_params: { parameters: ["buffer", "buffer"], result: "i32", optional: true },
} as const;

type Calls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** openssl/evp.h */
const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;
const ENCRYPT = 1;
const DECRYPT = 0;
/** "As before", for the direction. */
const UNCHANGED = -1;

/** OSSL_PARAM (openssl/core.h): a name, what kind of value, and where that is. */
const OSSL_PARAM = { size: 40, key: 0, data_type: 8, data: 16, data_size: 24 } as const;
const OSSL_PARAM_OCTET_STRING = 5;
/** OSSL_CIPHER_PARAM_AEAD_TAG (openssl/core_names.h). */
const AEAD_TAG = "tag";

const nonce = new NativeBuffer(NONCE_LENGTH).bytes;
const tagMemory = new NativeBuffer(TAG_LENGTH);
const tag = tagMemory.bytes;
const tagName = new NativeBuffer(AEAD_TAG.length + 1);
const tagParameters = describeTag();
/** Where lengths of output go, which are known, and what a stream cipher has left at the end, nothing. */
const ignored = new NativeBuffer(TAG_LENGTH).bytes;

/** One EVP_CIPHER_CTX with a key, for one direction. */
class Context {
  readonly #calls: Calls;
  readonly #context: Deno.PointerObject;
  /** The context's address as a parameter. */
  readonly #handle: Uint8Array<ArrayBuffer>;
  #destroyed = false;

  constructor(calls: Calls, key: Uint8Array, direction: number) {
    this.#calls = calls;
    const context = calls.EVP_CIPHER_CTX_new();
    if (context === null) throw new Error("libcrypto has no memory left");
    this.#context = context;
    this.#handle = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(context, 1));
    const cipher = calls.EVP_chacha20_poly1305();
    const copy = new NativeBuffer(key.length).bytes;
    copy.set(key);
    const done = calls.EVP_CipherInit_ex(this.#handle, cipher, null, copy, null, direction) === 1;
    copy.fill(0);
    if (!done) throw new Error("libcrypto cannot set up ChaCha20-Poly1305");
  }

  /** Begins a record with `length` bytes of associated data. */
  begin(nonceBytes: Uint8Array, associated: Uint8Array, length: number): void {
    if (this.#destroyed) throw new Error("The key is destroyed");
    for (let i = 0; i < NONCE_LENGTH; i++) nonce[i] = nonceBytes[i]!;
    this.#calls.EVP_CipherInit_ex(this.#handle, null, null, null, nonce, UNCHANGED);
    this.#calls.EVP_CipherUpdate(this.#handle, null, ignored, associated, length);
  }

  /** Encrypts or decrypts in place. */
  update(bytes: Uint8Array, length: number): void {
    this.#calls.EVP_CipherUpdate(this.#handle, bytes, ignored, bytes, length);
  }

  /** Ends a record; false if it is not authentic. */
  end(): boolean {
    return this.#calls.EVP_CipherFinal_ex(this.#handle, ignored, ignored) === 1;
  }

  /** Gets the tag of what was encrypted. */
  getTag(): void {
    const { EVP_CIPHER_CTX_get_params, EVP_CIPHER_CTX_ctrl } = this.#calls;
    const done = EVP_CIPHER_CTX_get_params
      ? EVP_CIPHER_CTX_get_params(this.#handle, tagParameters)
      : EVP_CIPHER_CTX_ctrl(this.#handle, EVP_CTRL_AEAD_GET_TAG, TAG_LENGTH, tag);
    if (done !== 1) throw new Error("libcrypto gives no tag");
  }

  /** Says what the tag must be; false if libcrypto did not take it, and so would ask for none. */
  setTag(): boolean {
    const { EVP_CIPHER_CTX_set_params, EVP_CIPHER_CTX_ctrl } = this.#calls;
    const done = EVP_CIPHER_CTX_set_params
      ? EVP_CIPHER_CTX_set_params(this.#handle, tagParameters)
      : EVP_CIPHER_CTX_ctrl(this.#handle, EVP_CTRL_AEAD_SET_TAG, TAG_LENGTH, tag);
    return done === 1;
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
    const context = this.#context;
    context.begin(nonce, viewFrom(bytes, offset - before), before);
    if (length > 0) context.update(viewFrom(bytes, offset), length);
    context.end();
    context.getTag();
    for (let i = 0; i < TAG_LENGTH; i++) bytes[offset + length + i] = tag[i]!;
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
    const context = this.#context;
    context.begin(nonce, viewFrom(bytes, offset - before), before);
    for (let i = 0; i < TAG_LENGTH; i++) tag[i] = bytes[offset + length + i]!;
    if (!context.setTag()) return false;
    if (length > 0) context.update(viewFrom(bytes, offset), length);
    return context.end();
  }

  destroy(): void {
    this.#context.destroy();
  }
}

/**
 * The system's libcrypto as a cipher suite; undefined if this machine has none that fits.
 *
 * @param asOld makes of a new version the calls only that version 1.1 has as well
 */
export function openLibcrypto(asOld = false): CipherSuite | undefined {
  const calls = LIBRARIES.map((name) => load(name, asOld)).find((calls) => calls !== undefined);
  if (calls === undefined) return undefined;
  return {
    name: "libcrypto",
    sealer: (key) => new LibcryptoSealer(calls, key),
    opener: (key) => new LibcryptoOpener(calls, key),
  };
}

function load(library: string, asOld: boolean): Calls | undefined {
  try {
    const { symbols } = Deno.dlopen(library, SYMBOLS);
    if (!asOld) return symbols;
    return { ...symbols, EVP_CIPHER_CTX_get_params: null, EVP_CIPHER_CTX_set_params: null };
  } catch {
    return undefined;
  }
}

/** An array of OSSL_PARAM that says where the tag is, with the empty one that ends it. */
function describeTag(): Uint8Array<ArrayBuffer> {
  const { bytes, view } = new NativeBuffer(2 * OSSL_PARAM.size);
  tagName.bytes.set(cString(AEAD_TAG));
  writeUint64(view, OSSL_PARAM.key, tagName.address);
  view.setUint32(OSSL_PARAM.data_type, OSSL_PARAM_OCTET_STRING, true);
  writeUint64(view, OSSL_PARAM.data, tagMemory.address);
  writeUint64(view, OSSL_PARAM.data_size, TAG_LENGTH);
  return bytes;
}
