/**
 * The handshake Noise_IKpsk2_25519_ChaChaPoly_SHA256 (the Noise Protocol Framework, revision 34):
 *
 *     <- s
 *     ...
 *     -> e, es, s, ss
 *     <- e, ee, se, psk
 *
 * The initiator knows the responder's static key beforehand; the responder learns the initiator's
 * from the first message. Names are the specification's. Randomness comes in as ephemeral keys.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { Buffer } from "node:buffer";
import { NONCE_LENGTH, TAG_LENGTH, writeNonce } from "./cipher.ts";
import { KEY_LENGTH, type KeyPair, sharedSecret } from "./x25519.ts";

const PROTOCOL_NAME = "Noise_IKpsk2_25519_ChaChaPoly_SHA256";

/** Bytes that the first message has beyond its payload: e, sealed s, the payload's tag. */
export const INITIATION_OVERHEAD = KEY_LENGTH + KEY_LENGTH + TAG_LENGTH + TAG_LENGTH;

/** Bytes that the second message has beyond its payload: e, the payload's tag. */
export const RESPONSE_OVERHEAD = KEY_LENGTH + TAG_LENGTH;

/** The pre-shared key of a handshake that has none. */
export const NO_PSK: Uint8Array = new Uint8Array(KEY_LENGTH);

/** A message that the handshake cannot have come to: forged, damaged, or meant for somebody else. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
}

/** What a handshake leaves. The bytes are the caller's, to be zeroed. */
export interface Handshake {
  /** Key of what this side sends. */
  readonly sendKey: Uint8Array;
  /** Key of what the other side sends. */
  readonly receiveKey: Uint8Array;
  /** Names this one handshake (Noise, 11.2: channel binding). Not secret. */
  readonly hash: Uint8Array;
}

/** SymmetricState with its CipherState (Noise, 5.1 and 5.2). */
class SymmetricState {
  #h: Uint8Array;
  #ck: Uint8Array;
  #k: Uint8Array = new Uint8Array(KEY_LENGTH);
  #n = 0;

  constructor(prologue: Uint8Array) {
    // The name is longer than a hash, so it is hashed itself.
    this.#h = hash(Buffer.from(PROTOCOL_NAME, "ascii"));
    this.#ck = this.#h.slice();
    this.mixHash(prologue);
  }

  get hash(): Uint8Array {
    return this.#h.slice();
  }

  mixHash(data: Uint8Array): void {
    this.#h = hash(this.#h, data);
  }

  mixKey(material: Uint8Array): void {
    [this.#ck, this.#k] = hkdf(this.#ck, material);
    this.#n = 0;
  }

  /** A public ephemeral key: with a pre-shared key in the pattern it goes into the key as well (9.2). */
  mixEphemeral(publicKey: Uint8Array): void {
    this.mixHash(publicKey);
    this.mixKey(publicKey);
  }

  mixSharedSecret(own: KeyPair, publicKey: Uint8Array): void {
    const secret = sharedSecret(own, publicKey);
    if (secret === undefined) throw new HandshakeError("A public key is a point of low order");
    this.mixKey(secret);
    secret.fill(0);
  }

  mixKeyAndHash(psk: Uint8Array): void {
    const [ck, temporary, k] = hkdf(this.#ck, psk);
    this.#ck = ck;
    this.mixHash(temporary);
    this.#k = k;
    this.#n = 0;
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const cipher = createCipheriv("chacha20-poly1305", this.#k, this.#nonce(), {
      authTagLength: TAG_LENGTH,
    });
    cipher.setAAD(this.#h, { plaintextLength: plaintext.length });
    const body = cipher.update(plaintext);
    cipher.final();
    const sealed = Buffer.concat([body, cipher.getAuthTag()]);
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array {
    const end = sealed.length - TAG_LENGTH;
    const decipher = createDecipheriv("chacha20-poly1305", this.#k, this.#nonce(), {
      authTagLength: TAG_LENGTH,
    });
    decipher.setAAD(this.#h, { plaintextLength: end });
    decipher.setAuthTag(sealed.subarray(end));
    const plaintext = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch {
      throw new HandshakeError("A message is not authentic");
    }
    this.mixHash(sealed);
    return new Uint8Array(plaintext);
  }

  /** The two keys of what follows, the initiator's first; this state is of no use afterwards. */
  split(): [Uint8Array, Uint8Array] {
    const [first, second] = hkdf(this.#ck, new Uint8Array(0));
    this.#ck.fill(0);
    this.#k.fill(0);
    return [first, second];
  }

  #nonce(): Uint8Array {
    const nonce = new Uint8Array(NONCE_LENGTH);
    writeNonce(new DataView(nonce.buffer), this.#n++);
    return nonce;
  }
}

/** The client's side of one handshake. */
export class Initiator {
  readonly #state: SymmetricState;
  readonly #own: KeyPair;
  readonly #ephemeral: KeyPair;
  readonly #remote: Uint8Array;
  readonly #psk: Uint8Array;

  /**
   * @param own this side's static key
   * @param ephemeral a key pair made for this handshake alone
   * @param remote the responder's static public key
   * @param prologue what both sides must agree on without having said it in the handshake
   */
  constructor(
    own: KeyPair,
    ephemeral: KeyPair,
    remote: Uint8Array,
    psk: Uint8Array,
    prologue: Uint8Array,
  ) {
    this.#own = own;
    this.#ephemeral = ephemeral;
    this.#remote = remote;
    this.#psk = psk;
    this.#state = new SymmetricState(prologue);
    this.#state.mixHash(remote);
  }

  /** The first message. @throws {HandshakeError} if the responder's key is a point of low order */
  writeInitiation(payload: Uint8Array): Uint8Array {
    this.#state.mixEphemeral(this.#ephemeral.publicKey);
    this.#state.mixSharedSecret(this.#ephemeral, this.#remote);
    const sealedStatic = this.#state.encryptAndHash(this.#own.publicKey);
    this.#state.mixSharedSecret(this.#own, this.#remote);
    const sealedPayload = this.#state.encryptAndHash(payload);
    return Buffer.concat([this.#ephemeral.publicKey, sealedStatic, sealedPayload]);
  }

  /** Reads the second message and ends the handshake. @throws {HandshakeError} */
  readResponse(message: Uint8Array): { payload: Uint8Array; handshake: Handshake } {
    if (message.length < RESPONSE_OVERHEAD) throw new HandshakeError("A message is too short");
    const ephemeral = message.subarray(0, KEY_LENGTH);
    this.#state.mixEphemeral(ephemeral);
    this.#state.mixSharedSecret(this.#ephemeral, ephemeral);
    this.#state.mixSharedSecret(this.#own, ephemeral);
    this.#state.mixKeyAndHash(this.#psk);
    const payload = this.#state.decryptAndHash(message.subarray(KEY_LENGTH));
    const hash = this.#state.hash;
    const [sendKey, receiveKey] = this.#state.split();
    return { payload, handshake: { sendKey, receiveKey, hash } };
  }
}

/** The server's side of one handshake. */
export class Responder {
  readonly #state: SymmetricState;
  readonly #own: KeyPair;
  #remoteStatic: Uint8Array = NO_PSK;
  #remoteEphemeral: Uint8Array = NO_PSK;

  /** @param own this side's static key */
  constructor(own: KeyPair, prologue: Uint8Array) {
    this.#own = own;
    this.#state = new SymmetricState(prologue);
    this.#state.mixHash(own.publicKey);
  }

  /**
   * Reads the first message: who sent it, by its static public key, and what it says. That it is no
   * copy of an old one is for the caller to make sure of.
   *
   * @throws {HandshakeError}
   */
  readInitiation(message: Uint8Array): { remoteStatic: Uint8Array; payload: Uint8Array } {
    if (message.length < INITIATION_OVERHEAD) throw new HandshakeError("A message is too short");
    const sealedStaticEnd = 2 * KEY_LENGTH + TAG_LENGTH;
    this.#remoteEphemeral = message.slice(0, KEY_LENGTH);
    this.#state.mixEphemeral(this.#remoteEphemeral);
    this.#state.mixSharedSecret(this.#own, this.#remoteEphemeral);
    this.#remoteStatic = this.#state.decryptAndHash(message.subarray(KEY_LENGTH, sealedStaticEnd));
    this.#state.mixSharedSecret(this.#own, this.#remoteStatic);
    const payload = this.#state.decryptAndHash(message.subarray(sealedStaticEnd));
    return { remoteStatic: this.#remoteStatic, payload };
  }

  /**
   * The second message; it ends the handshake. That the initiator has the pre-shared key shows only
   * in the first record that it sends with the new keys.
   *
   * @param ephemeral a key pair made for this handshake alone
   * @throws {HandshakeError} if one of the initiator's keys is a point of low order
   */
  writeResponse(
    payload: Uint8Array,
    psk: Uint8Array,
    ephemeral: KeyPair,
  ): { message: Uint8Array; handshake: Handshake } {
    this.#state.mixEphemeral(ephemeral.publicKey);
    this.#state.mixSharedSecret(ephemeral, this.#remoteEphemeral);
    this.#state.mixSharedSecret(ephemeral, this.#remoteStatic);
    this.#state.mixKeyAndHash(psk);
    const message = Buffer.concat([ephemeral.publicKey, this.#state.encryptAndHash(payload)]);
    const hash = this.#state.hash;
    const [receiveKey, sendKey] = this.#state.split();
    return { message, handshake: { sendKey, receiveKey, hash } };
  }
}

function hash(...parts: Uint8Array[]): Uint8Array {
  const sha256 = createHash("sha256");
  for (const part of parts) sha256.update(part);
  return new Uint8Array(sha256.digest());
}

function hmac(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  const sha256 = createHmac("sha256", key);
  for (const part of parts) sha256.update(part);
  return new Uint8Array(sha256.digest());
}

/** HKDF of Noise, 4.3 (RFC 5869 without info). Who wants two outputs leaves the third alone. */
function hkdf(chainingKey: Uint8Array, material: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const key = hmac(chainingKey, material);
  const first = hmac(key, Uint8Array.of(1));
  const second = hmac(key, first, Uint8Array.of(2));
  const third = hmac(key, second, Uint8Array.of(3));
  key.fill(0);
  return [first, second, third];
}
