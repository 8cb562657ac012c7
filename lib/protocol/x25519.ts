/** Diffie-Hellman over Curve25519 (RFC 7748) with node:crypto; private keys never leave KeyObjects. */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";

/** Bytes of a public key, a private key and a shared secret. */
export const KEY_LENGTH = 32;

/** DER of an X25519 private key (PKCS #8, RFC 8410) and of a public key (SPKI) up to the key itself. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

/** A private key with its public key. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  /** KEY_LENGTH bytes. */
  readonly publicKey: Uint8Array;
}

/**
 * The key pair of a private key. RFC 7748 clears and sets the bits that need it when the key is used,
 * so any 32 random bytes are a private key.
 *
 * @param bytes KEY_LENGTH bytes, still the caller's (to be zeroed)
 * @throws {RangeError} if the length is another
 */
export function keyPairOf(bytes: Uint8Array): KeyPair {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, checkLength(bytes)]),
    format: "der",
    type: "pkcs8",
  });
  const der = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return { privateKey, publicKey: new Uint8Array(der.subarray(-KEY_LENGTH)) };
}

/**
 * The shared secret of a private and somebody else's public key, KEY_LENGTH bytes; undefined if that
 * is all zeros, as any private key gives with a point of low order (RFC 7748, 6.1): such a key was
 * made to fool us.
 */
export function sharedSecret({ privateKey }: KeyPair, publicKey: Uint8Array): Buffer | undefined {
  const key = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, checkLength(publicKey)]),
    format: "der",
    type: "spki",
  });
  try {
    const secret = diffieHellman({ privateKey, publicKey: key });
    return secret.every((byte) => byte === 0) ? undefined : secret;
  } catch {
    // Newer OpenSSL-like libraries refuse points of low order by themselves.
    return undefined;
  }
}

function checkLength(key: Uint8Array): Uint8Array {
  if (key.length === KEY_LENGTH) return key;
  throw new RangeError(`An X25519 key has ${KEY_LENGTH} bytes, not ${key.length}`);
}
