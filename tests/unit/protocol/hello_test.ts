import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  frameInitiation,
  frameResponse,
  helloLength,
  INCOMPLETE,
  type Initiation,
  LOST,
  messageOfHello,
  messageOfResponse,
  PREAMBLE,
  readInitiation,
  readResponse,
  responseLength,
  writeInitiation,
  writeResponse,
} from "../../../lib/protocol/hello.ts";
import { readItems, writeItems } from "../../../lib/protocol/items.ts";
import { INITIATION_OVERHEAD, RESPONSE_OVERHEAD } from "../../../lib/protocol/noise.ts";
import { orError } from "../or_error.ts";
import { flip } from "../../hex.ts";
import { Random } from "../../random.ts";

Deno.test("readItems() gives back what writeItems() wrote", () => {
  const random = new Random(1);
  for (let i = 0; i < 300; i++) {
    const items = Array.from({ length: random.integer(0, 6) }, () => ({
      type: random.integer(1, 255),
      value: random.bytes(random.integer(0, 300)),
    }));
    assertEquals(readItems(writeItems(items)), items);
    assertEquals(readItems(writeItems(items, 2000)), items);
  }
});

Deno.test("readItems() takes any bytes, or says that an item is cut off", () => {
  const random = new Random(2);
  let cut = 0;
  for (let i = 0; i < 5000; i++) {
    const bytes = random.bytes(random.integer(0, 30)).map((byte) => byte & 7);
    const items = orError(SyntaxError, () => readItems(bytes));
    if (items === undefined) cut++;
    // Naive: what was read and the headers before it are all there was, up to a 0 or the end.
    else assert(items.reduce((sum, { value }) => sum + 3 + value.length, 0) <= bytes.length);
  }
  assert(cut > 500 && cut < 4500, `${cut}`);
});

const FULL: Initiation = {
  timestamp: 2 ** 45 + 17,
  capabilities: 0xfffffffe,
  invite: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  address: 0xfffefdfc,
  session: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
};

Deno.test("readInitiation() gives back what writeInitiation() wrote; all have one length", () => {
  const bare = {
    ...{ timestamp: 0, capabilities: 0, invite: undefined, address: undefined },
    session: undefined,
  };
  assertEquals(readInitiation(writeInitiation(FULL)), FULL);
  assertEquals(readInitiation(writeInitiation(bare)), bare);
  assertEquals(writeInitiation(FULL).length, writeInitiation(bare).length);
  assertEquals(readResponse(writeResponse({ capabilities: 3 })), { capabilities: 3 });
});

Deno.test("readInitiation() passes over items of later versions", () => {
  const items = readItems(writeInitiation(FULL));
  const later = [{ type: 77, value: new Uint8Array(9) }, ...items];
  assertEquals(readInitiation(writeItems(later)), FULL);
});

Deno.test("readInitiation() throws SyntaxError when an item is missing, cut off or of another length", () => {
  const whole = readItems(writeInitiation(FULL));
  for (const type of [1, 2]) {
    assertThrows(
      () => readInitiation(writeItems(whole.filter((item) => item.type !== type))),
      SyntaxError,
    );
  }
  for (const { type, value } of whole) {
    for (const wrong of [value.subarray(1), new Uint8Array(value.length + 1)]) {
      const items = whole.map((item) => item.type === type ? { type, value: wrong } : item);
      assertThrows(() => readInitiation(writeItems(items)), SyntaxError);
    }
  }
  assertThrows(() => readInitiation(writeInitiation(FULL).subarray(0, 10)), SyntaxError);
});

const message = new Random(3).bytes(INITIATION_OVERHEAD + 64);
const hello = frameInitiation(message);

Deno.test("helloLength() waits for every beginning of a hello, and knows the whole", () => {
  for (let length = 0; length < hello.length; length++) {
    assertEquals(helloLength(hello, 0, length), INCOMPLETE, `${length}`);
  }
  assertEquals(helloLength(hello, 0, hello.length), hello.length);
  assertEquals(helloLength(Uint8Array.from([7, ...hello, 7]), 1, hello.length + 1), hello.length);
  assertEquals(messageOfHello(hello), message);
});

Deno.test("helloLength() is LOST as soon as one bit of the preamble is wrong", () => {
  for (let bit = 0; bit < PREAMBLE.length * 8; bit++) {
    const wrong = flip(hello, bit);
    for (let length = (bit >> 3) + 1; length <= hello.length; length += 13) {
      assertEquals(helloLength(wrong, 0, length), LOST, `bit ${bit}`);
    }
  }
});

Deno.test("helloLength() and responseLength() are LOST when a length is out of bounds", () => {
  const lengths = (least: number): [number, boolean][] => [
    [0, false],
    [least - 1, false],
    [least, true],
    [least + 256, true],
    [least + 257, false],
    [65_535, false],
  ];
  for (const [length, isValid] of lengths(INITIATION_OVERHEAD)) {
    const bytes = Uint8Array.from([...PREAMBLE, length >> 8, length & 255]);
    assertEquals(helloLength(bytes, 0, bytes.length), isValid ? INCOMPLETE : LOST, `${length}`);
  }
  for (const [length, isValid] of lengths(RESPONSE_OVERHEAD)) {
    const bytes = Uint8Array.of(length >> 8, length & 255);
    assertEquals(responseLength(bytes, 0, 2), isValid ? INCOMPLETE : LOST, `${length}`);
  }
});

Deno.test("responseLength() waits for every beginning of a response, and knows the whole", () => {
  const answer = frameResponse(message);
  for (let length = 0; length < answer.length; length++) {
    assertEquals(responseLength(answer, 0, length), INCOMPLETE);
  }
  assertEquals(responseLength(answer, 0, answer.length + 5), answer.length);
  assertEquals(messageOfResponse(answer), message);
});

Deno.test("a hello can be taken for no IP packet, nor the other way round", () => {
  assertEquals(PREAMBLE[0]! >> 4, 5);
  for (const first of [0x45, 0x4f, 0x60]) {
    assertEquals(helloLength(Uint8Array.of(first), 0, 1), LOST);
  }
});

Deno.test("readInitiation() refuses a timestamp that is too large to be counted on from", () => {
  const payload = writeInitiation({ timestamp: Number.MAX_SAFE_INTEGER, capabilities: 0 });
  assertEquals(readInitiation(payload).timestamp, Number.MAX_SAFE_INTEGER);
  // The timestamp is the first item, its value behind a type and a length.
  payload.fill(0xff, 3, 11);
  assertThrows(() => readInitiation(payload), SyntaxError);
});
