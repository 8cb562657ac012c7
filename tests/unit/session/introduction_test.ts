import { assertEquals, assertThrows } from "@std/assert";
import { messageOfHello, PREAMBLE, writeResponse } from "../../../lib/protocol/hello.ts";
import { HandshakeError, NO_PSK, Responder } from "../../../lib/protocol/noise.ts";
import { keyPairOf } from "../../../lib/protocol/x25519.ts";
import { Introduction } from "../../../lib/session/introduction.ts";
import { Random } from "../../random.ts";

const random = new Random(1);
const server = keyPairOf(random.bytes(32));

function introduction(): Introduction {
  let timestamp = 0;
  return new Introduction(
    { identity: keyPairOf(random.bytes(32)), server: server.publicKey, capabilities: 3 },
    { timestamp: () => ++timestamp, randomKey: () => random.bytes(32) },
  );
}

/** What the server makes of a hello. */
function answer(hello: Uint8Array): Uint8Array {
  const responder = new Responder(server, PREAMBLE);
  responder.readInitiation(messageOfHello(hello));
  const payload = writeResponse({ capabilities: 2 });
  return responder.writeResponse(payload, NO_PSK, keyPairOf(random.bytes(32))).message;
}

Deno.test("complete() gives the keys, and what the server can take", () => {
  const client = introduction();
  const { handshake, capabilities } = client.complete(answer(client.hello()), true);
  assertEquals([handshake.sendKey.length, handshake.receiveKey.length, capabilities], [32, 32, 2]);
});

Deno.test("complete() throws HandshakeError for an answer that comes twice, or to nothing", () => {
  const client = introduction();
  assertThrows(() => client.complete(new Uint8Array(80), true), HandshakeError, "awaited");
  const message = answer(client.hello());
  client.complete(message, true);
  assertThrows(() => client.complete(message, true), HandshakeError, "awaited");
});

Deno.test("complete() throws HandshakeError for the answer to an earlier hello", () => {
  const client = introduction();
  const early = answer(client.hello());
  client.hello();
  assertThrows(() => client.complete(early, true), HandshakeError, "authentic");
});
