import { assertEquals, assertThrows } from "@std/assert";
import { openLibcrypto } from "../../../ffi/libcrypto.ts";
import {
  type CipherSuite,
  NONCE_LENGTH,
  TAG_LENGTH,
  writeNonce,
} from "../../../lib/protocol/cipher.ts";
import { nodeCipher } from "../../../lib/protocol/node_cipher.ts";
import { flip, fromHex } from "../../hex.ts";

const libcrypto = openLibcrypto();
const oldLibcrypto = openLibcrypto(true);
const SUITES: CipherSuite[] = [
  nodeCipher,
  ...libcrypto ? [libcrypto] : [],
  ...oldLibcrypto ? [{ ...oldLibcrypto, name: "libcrypto by the calls of 1.1" }] : [],
];

/** RFC 8439, 2.8.2. */
const SUNSCREEN = {
  key: fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
  nonce: fromHex("070000004041424344454647"),
  before: fromHex("50515253c0c1c2c3c4c5c6c7"),
  plain: new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
      "sunscreen would be it.",
  ),
  sealed: fromHex(
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92" +
      "728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b" +
      "4831d7bc3ff4def08e4b7a9de576d26586cec64b6116" + "1ae10b594f09e26a7e902ecbd0600691",
  ),
};

/** RFC 8439, A.5; the text is sealed.length - 16 bytes of an Internet-Draft's usual first lines. */
const DRAFTS = {
  key: fromHex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"),
  nonce: fromHex("000000000102030405060708"),
  before: fromHex("f33388860000000000004e91"),
  plain: new TextEncoder().encode(
    "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, " +
      "replaced, or obsoleted by other documents at any time. It is inappropriate to use " +
      "Internet-Drafts as reference material or to cite them other than as /\u201cwork in " +
      "progress./\u201d",
  ),
  sealed: fromHex(
    "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d" +
      "26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1" +
      "ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b" +
      "5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea" +
      "1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d36" +
      "1094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b" +
      "eead9d67890cbb22392336fea1851f38",
  ),
};

function layOut(before: Uint8Array, body: Uint8Array, room: number): Uint8Array {
  const bytes = new Uint8Array(before.length + body.length + room);
  bytes.set(before);
  bytes.set(body, before.length);
  return bytes;
}

for (const suite of SUITES) {
  for (
    const [name, { key, nonce, before, plain, sealed }] of Object.entries({ SUNSCREEN, DRAFTS })
  ) {
    Deno.test(`${suite.name}: seal() and open() do what RFC 8439 says (${name})`, () => {
      const bytes = layOut(before, plain, TAG_LENGTH);
      suite.sealer(key).seal(nonce, bytes, before.length, before.length, plain.length);
      assertEquals(bytes.subarray(before.length), sealed);
      const opened = suite.opener(key)
        .open(nonce, bytes, before.length, before.length, plain.length);
      assertEquals(opened, true);
      assertEquals(bytes.subarray(before.length, -TAG_LENGTH), plain);
    });
  }

  Deno.test(`${suite.name}: open() refuses any flipped bit, in nonce and data before as well`, () => {
    const { key, nonce, before, sealed } = SUNSCREEN;
    const good = layOut(before, sealed, 0);
    const opener = suite.opener(key);
    const opens = (nonce: Uint8Array, bytes: Uint8Array): boolean =>
      opener.open(nonce, bytes, before.length, before.length, sealed.length - TAG_LENGTH);
    for (let bit = 0; bit < good.length * 8; bit++) {
      assertEquals(opens(nonce, flip(good, bit)), false, `bit ${bit}`);
    }
    for (let bit = 0; bit < NONCE_LENGTH * 8; bit++) {
      assertEquals(opens(flip(nonce, bit), good.slice()), false, `nonce bit ${bit}`);
    }
    assertEquals(opens(nonce, good), true);
  });

  Deno.test(`${suite.name}: seal() and open() work at any length, and for nothing at all`, () => {
    const nonce = new Uint8Array(NONCE_LENGTH);
    const [sealer, opener] = [suite.sealer(SUNSCREEN.key), suite.opener(SUNSCREEN.key)];
    for (const length of [0, 1, 15, 16, 17, 63, 64, 65, 1400, 65_535, 131_072]) {
      writeNonce(new DataView(nonce.buffer), length);
      const plain = Uint8Array.from({ length }, (_, i) => i * 7);
      const bytes = layOut(new Uint8Array(4), plain, TAG_LENGTH);
      sealer.seal(nonce, bytes, 4, 4, length);
      assertEquals(opener.open(nonce, bytes, 4, 4, length), true);
      assertEquals(bytes.subarray(4, 4 + length), plain);
    }
  });
}

Deno.test("writeNonce() writes the counter as 64 bits, little-endian, behind 4 zeros", () => {
  const nonce = new Uint8Array(NONCE_LENGTH).fill(0xff);
  writeNonce(new DataView(nonce.buffer), 0x0f0e0d0c0b0a09);
  assertEquals(nonce, fromHex("00000000090a0b0c0d0e0f00"));
});

Deno.test("libcrypto: a destroyed key is not used again", () => {
  if (libcrypto === undefined) return;
  const sealer = libcrypto.sealer(SUNSCREEN.key);
  sealer.destroy();
  sealer.destroy();
  assertThrows(
    () => sealer.seal(SUNSCREEN.nonce, new Uint8Array(32), 0, 0, 16),
    Error,
    "destroyed",
  );
});
