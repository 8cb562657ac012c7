import { assertEquals, assertThrows } from "@std/assert";
import { NONCE_LENGTH, TAG_LENGTH, writeNonce } from "../../../lib/protocol/cipher.ts";
import { nodeCipher } from "../../../lib/protocol/node_cipher.ts";
import {
  type Handshake,
  HandshakeError,
  INITIATION_OVERHEAD,
  Initiator,
  NO_PSK,
  Responder,
  RESPONSE_OVERHEAD,
} from "../../../lib/protocol/noise.ts";
import { type KeyPair, keyPairOf } from "../../../lib/protocol/x25519.ts";
import { flip, fromHex } from "../../hex.ts";
import vectors from "../../vectors/noise_ikpsk2.json" with { type: "json" };

const vector = vectors.vectors[0]!;
const messages = vector.messages.map(({ payload, ciphertext }) => ({
  payload: fromHex(payload),
  ciphertext: fromHex(ciphertext),
}));

function pair(hex: string): KeyPair {
  return keyPairOf(fromHex(hex));
}

function initiator(): Initiator {
  return new Initiator(
    pair(vector.init_static),
    pair(vector.init_ephemeral),
    fromHex(vector.init_remote_static),
    fromHex(vector.init_psks[0]!),
    fromHex(vector.init_prologue),
  );
}

function responder(): Responder {
  return new Responder(pair(vector.resp_static), fromHex(vector.resp_prologue));
}

function respond(to: Responder): { message: Uint8Array; handshake: Handshake } {
  return to.writeResponse(
    messages[1]!.payload,
    fromHex(vector.resp_psks[0]!),
    pair(vector.resp_ephemeral),
  );
}

/** Opens with one end's key what the vectors say that the other end sent as its n-th message. */
function openTransport(key: Uint8Array, counter: number, sealed: Uint8Array): Uint8Array {
  const bytes = sealed.slice();
  const nonce = new Uint8Array(NONCE_LENGTH);
  writeNonce(new DataView(nonce.buffer), counter);
  const length = bytes.length - TAG_LENGTH;
  assertEquals(nodeCipher.opener(key).open(nonce, bytes, 0, 0, length), true);
  return bytes.subarray(0, length);
}

Deno.test("Initiator and Responder write what the published vectors say", () => {
  const [initiating, responding] = [initiator(), responder()];

  const initiation = initiating.writeInitiation(messages[0]!.payload);
  assertEquals(new Uint8Array(initiation), messages[0]!.ciphertext);
  const { remoteStatic, payload } = responding.readInitiation(initiation);
  assertEquals(remoteStatic, pair(vector.init_static).publicKey);
  assertEquals(payload, messages[0]!.payload);

  const { message, handshake } = respond(responding);
  assertEquals(new Uint8Array(message), messages[1]!.ciphertext);
  const read = initiating.readResponse(message);
  assertEquals(read.payload, messages[1]!.payload);

  assertEquals(read.handshake.hash, fromHex(vector.handshake_hash));
  assertEquals(handshake.hash, fromHex(vector.handshake_hash));
  assertEquals(read.handshake.sendKey, handshake.receiveKey);
  assertEquals(read.handshake.receiveKey, handshake.sendKey);
  messages.slice(2).forEach(({ payload, ciphertext }, i) => {
    const key = i % 2 === 0 ? handshake.receiveKey : read.handshake.receiveKey;
    assertEquals(openTransport(key, Math.floor(i / 2), ciphertext), payload);
  });
});

Deno.test("readInitiation() refuses a message with any bit flipped, and any beginning of one", () => {
  const initiation = initiator().writeInitiation(messages[0]!.payload);
  for (let bit = 0; bit < initiation.length * 8; bit++) {
    const flipped = flip(initiation, bit);
    // The highest bit of a public key is ignored (RFC 7748, 5), but it is hashed all the same.
    assertThrows(() => responder().readInitiation(flipped), HandshakeError);
  }
  for (let length = 0; length < initiation.length; length++) {
    const cut = initiation.subarray(0, length);
    assertThrows(() => responder().readInitiation(cut), HandshakeError);
  }
});

Deno.test("readResponse() refuses a message with any bit flipped, and any beginning of one", () => {
  const response = messages[1]!.ciphertext;
  for (let bit = 0; bit < response.length * 8; bit++) {
    assertThrows(() => begun().readResponse(flip(response, bit)), HandshakeError);
  }
  for (let length = 0; length < response.length; length++) {
    assertThrows(() => begun().readResponse(response.subarray(0, length)), HandshakeError);
  }
});

Deno.test("readResponse() refuses the answer of a server that has another psk, or another key", () => {
  const responding = responder();
  responding.readInitiation(messages[0]!.ciphertext);
  const { message } = responding.writeResponse(
    messages[1]!.payload,
    NO_PSK,
    pair(vector.resp_ephemeral),
  );
  assertThrows(() => begun().readResponse(message), HandshakeError);
  assertThrows(() => {
    new Responder(pair(vector.resp_ephemeral), fromHex(vector.resp_prologue))
      .readInitiation(messages[0]!.ciphertext);
  }, HandshakeError);
});

Deno.test("readInitiation() refuses a message for another prologue", () => {
  const other = new Responder(pair(vector.resp_static), new Uint8Array(8));
  assertThrows(() => other.readInitiation(messages[0]!.ciphertext), HandshakeError);
});

Deno.test("A handshake refuses keys that are points of low order", () => {
  for (const point of LOW_ORDER) {
    const toPoint = new Initiator(
      pair(vector.init_static),
      pair(vector.init_ephemeral),
      point,
      NO_PSK,
      new Uint8Array(0),
    );
    assertThrows(() => toPoint.writeInitiation(new Uint8Array(0)), HandshakeError);
    const initiation = messages[0]!.ciphertext.slice();
    initiation.set(point);
    assertThrows(() => responder().readInitiation(initiation), HandshakeError, "low order");
    const response = messages[1]!.ciphertext.slice();
    response.set(point);
    assertThrows(() => begun().readResponse(response), HandshakeError, "low order");
  }
});

Deno.test("A handshake adds as many bytes to its payloads as the constants say", () => {
  assertEquals(messages[0]!.ciphertext.length, messages[0]!.payload.length + INITIATION_OVERHEAD);
  assertEquals(messages[1]!.ciphertext.length, messages[1]!.payload.length + RESPONSE_OVERHEAD);
});

/** Points of low order on Curve25519 and its twist, as https://cr.yp.to/ecdh.html lists them. */
const LOW_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(fromHex);

function begun(): Initiator {
  const initiating = initiator();
  initiating.writeInitiation(messages[0]!.payload);
  return initiating;
}
