import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromBase64, toBase64, toBase64Url } from "../../../lib/config/base64.ts";
import {
  formatInvite,
  type Invite,
  looksLikeInvite,
  parseInvite,
  tokenSecrets,
} from "../../../lib/config/invite.ts";
import { fromHex } from "../../hex.ts";
import { orError } from "../or_error.ts";
import { Random } from "../../random.ts";

function invite(random: Random, host: string): Invite {
  const [publicKey, token] = [random.bytes(32), random.bytes(16)];
  return { host, port: random.integer(1, 65_535), publicKey, token };
}

Deno.test("parseInvite() gives back what formatInvite() wrote", () => {
  const random = new Random(1);
  for (const host of ["vpn.example.org", "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "localhost"]) {
    for (let i = 0; i < 50; i++) {
      const written = invite(random, host);
      const line = formatInvite(written);
      assert(looksLikeInvite(line));
      assert(/^[!-~]+$/.test(line));
      assertEquals(parseInvite(line), written);
      assertEquals(parseInvite(`  ${line}\n`), written);
    }
  }
});

Deno.test("parseInvite() refuses what is cut off or damaged, and repeats nothing of it", () => {
  const random = new Random(2);
  const line = formatInvite(invite(random, "vpn.example.org"));
  for (let length = 0; length < line.length; length++) {
    const error = assertThrows(() => parseInvite(line.slice(0, length)), SyntaxError);
    assert(!error.message.includes(line.slice(-10)));
  }
  const wrong = [
    "",
    "x",
    "simplevpn:",
    line.replace("2", "/"),
    `${line}A`,
    `${line} x`,
    `${line}/x`,
  ];
  for (const text of wrong.filter((text) => text !== line)) {
    assertThrows(() => parseInvite(text), SyntaxError, "nvite");
  }
  for (const port of ["0", "65536", "99999", "", "-1", "1e3"]) {
    assertThrows(() => parseInvite(line.replace(/:\d+\//, `:${port}/`)), SyntaxError);
  }
});

Deno.test("parseInvite() takes any text, or throws SyntaxError", () => {
  const random = new Random(3);
  const line = formatInvite(invite(random, "a.b"));
  for (let i = 0; i < 3000; i++) {
    const letters = [...line];
    for (let j = random.integer(1, 3); j > 0; j--) {
      letters[random.integer(0, letters.length - 1)] = String.fromCharCode(random.integer(0, 255));
    }
    const parsed = orError(SyntaxError, () => parseInvite(letters.join("")));
    if (parsed !== undefined) {
      assertEquals([parsed.publicKey.length, parsed.token.length], [32, 16]);
    }
  }
});

Deno.test("tokenSecrets() derives what docs/protocol.md says", () => {
  // By python3-cryptography: HKDF(SHA256(), length, salt=None, info).derive(bytes(range(16))).
  const { id, psk } = tokenSecrets(Uint8Array.from({ length: 16 }, (_, i) => i));
  assertEquals(id, fromHex(ID));
  assertEquals(psk, fromHex(PSK));
});

Deno.test("fromBase64() takes one way to write a key only, in either alphabet", () => {
  const random = new Random(4);
  for (let i = 0; i < 200; i++) {
    const bytes = random.bytes(32);
    assertEquals(fromBase64(toBase64(bytes), 32), bytes);
    assertEquals(fromBase64(toBase64Url(bytes), 32), bytes);
  }
  const key = toBase64(new Uint8Array(32));
  for (
    const text of [
      "",
      "A",
      key.slice(1),
      `A${key}`,
      `${key.slice(0, 42)}B=`,
      `${key} `,
      key.replace("A", "!"),
    ]
  ) {
    assertThrows(() => fromBase64(text, 32), SyntaxError);
  }
});

const ID = "2ec6445ba8af2659";
const PSK = "2e76c4c5f713e06390e718e3b55671c4a0120c6b72006db1bac1657ce555cfe6";
