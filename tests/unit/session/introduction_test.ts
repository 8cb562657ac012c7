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
    { identity: keyPairOf(random.bytes(32)), servers: [server.publicKey], capabilities: 3 },
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
  const { handshake, capabilities } = client.complete(1, answer(client.hello(1, 0, 1)));
  assertEquals([handshake.sendKey.length, handshake.receiveKey.length, capabilities], [32, 32, 2]);
});

Deno.test("complete() throws HandshakeError for an answer that comes twice, or to nothing", () => {
  const client = introduction();
  assertThrows(() => client.complete(1, new Uint8Array(80)), HandshakeError, "awaited");
  const message = answer(client.hello(1, 0, 1));
  client.complete(1, message);
  assertThrows(() => client.complete(1, message), HandshakeError, "awaited");
});

Deno.test("complete() throws HandshakeError for the answer to an earlier hello", () => {
  const client = introduction();
  const early = answer(client.hello(1, 0, 1));
  client.hello(1, 0, 1);
  assertThrows(() => client.complete(1, early), HandshakeError, "authentic");
});

Deno.test("handshakes of two connections go on side by side, each with its own answer", () => {
  const client = introduction();
  const answers = [1, 2].map((link) => answer(client.hello(link, 0, 1)));
  assertThrows(() => client.complete(1, answers[1]!), HandshakeError, "authentic");
  assertEquals(client.complete(2, answers[1]!).capabilities, 2);
});

Deno.test("forget() makes an answer one to nothing", () => {
  const client = introduction();
  const late = answer(client.hello(1, 0, 1));
  client.forget(1);
  assertThrows(() => client.complete(1, late), HandshakeError, "awaited");
});
