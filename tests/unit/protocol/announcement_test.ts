import { assert, assertEquals, assertThrows } from "@std/assert";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import {
  MAX_ANNOUNCED,
  readAnnouncement,
  writeAnnouncement,
} from "../../../lib/protocol/announcement.ts";
import { writeItems } from "../../../lib/protocol/items.ts";
import { orError } from "../or_error.ts";
import { Random } from "../../random.ts";

const NETWORK = 9;

/** The body with items of these values. */
function bodyOf(...values: number[][]): Uint8Array {
  return writeItems(values.map((value) => ({ type: NETWORK, value: Uint8Array.from(value) })));
}

Deno.test("readAnnouncement() gives back what writeAnnouncement() wrote", () => {
  const many = Array.from({ length: MAX_ANNOUNCED }, (_, i) => `10.${i}.0.0/16`);
  const lists = [[], ["192.168.7.0/24", "2001:db8:7::/64", "9.9.9.9/32", "fd00::1/128"], many];
  for (const texts of lists) {
    const networks = texts.map(parsePrefix);
    assertEquals(readAnnouncement(writeAnnouncement(networks)), networks);
  }
});

Deno.test("readAnnouncement() passes over items that later versions may have", () => {
  const later = { type: 200, value: new Uint8Array(3) };
  const network = { type: NETWORK, value: Uint8Array.of(10, 0, 0, 0, 8) };
  assertEquals(readAnnouncement(writeItems([later, network, later])).map(String), ["10.0.0.0/8"]);
});

Deno.test("readAnnouncement() throws SyntaxError for what no server should act on", () => {
  const sixteenZeros = Array.from({ length: 16 }, () => 0);
  const wrong = [
    Uint8Array.of(NETWORK, 0, 5, 10, 0, 0),
    bodyOf([]),
    bodyOf([10, 0, 0, 8]),
    bodyOf([10, 0, 0, 0, 0, 8]),
    bodyOf([10, 0, 0, 1, 8]),
    bodyOf([10, 0, 0, 0, 33]),
    bodyOf([0, 0, 0, 0, 0]),
    bodyOf([0, 0, 0, 0, 7]),
    bodyOf([127, 0, 0, 0, 8]),
    bodyOf([224, 0, 0, 0, 4]),
    bodyOf([...sixteenZeros, 0]),
    bodyOf([0xfe, 0x80, ...sixteenZeros.slice(2), 64]),
    bodyOf([0xfd, ...sixteenZeros.slice(1), 129]),
    bodyOf([10, 0, 0, 0, 8], [10, 0, 0, 0, 8]),
    bodyOf(...Array.from({ length: MAX_ANNOUNCED + 1 }, (_, i) => [10, i, 0, 0, 16])),
  ];
  for (const body of wrong) assertThrows(() => readAnnouncement(body), SyntaxError);
});

Deno.test("readAnnouncement() agrees with a naive reading of whatever comes", () => {
  const random = new Random(7);
  let good = 0;
  for (let i = 0; i < 20_000; i++) {
    const body = hostileBody(random);
    const networks = orError(SyntaxError, () => readAnnouncement(body));
    const expected = naively(body);
    if (networks === undefined) {
      assertEquals(expected, undefined, `${body}`);
      continue;
    }
    assertEquals(networks.map(String), expected, `${body}`);
    assertEquals(readAnnouncement(writeAnnouncement(networks)), networks);
    good++;
  }
  assert(good > 1000 && good < 19_000, `${good}`);
});

/** A few items, most of which are networks of IPv4, with a byte changed now and then. */
function hostileBody(random: Random): Uint8Array {
  const items = Array.from({ length: random.integer(0, random.next() < 0.05 ? 20 : 4) }, () => {
    const length = random.pick([8, 16, 24, 32]);
    const bytes = [10, 1, 2, 3].map((byte, i) => 8 * i < length ? byte + random.integer(0, 9) : 0);
    return { type: random.next() < 0.9 ? NETWORK : 3, value: Uint8Array.of(...bytes, length) };
  });
  const body = writeItems(items);
  if (body.length > 0 && random.next() < 0.5) {
    body[random.integer(0, body.length - 1)] = random.integer(0, 255);
  }
  return body.subarray(0, random.next() < 0.9 ? body.length : random.integer(0, body.length));
}

/** The networks as text, or undefined if the body is wrong; of IPv4 alone, bit by bit. */
function naively(body: Uint8Array): string[] | undefined {
  const texts: string[] = [];
  let rest = [...body];
  while (rest.length > 0 && rest[0] !== 0) {
    if (rest.length < 3) return undefined;
    const [type, high, low] = rest;
    const length = 256 * high! + low!;
    if (rest.length < 3 + length) return undefined;
    const value = rest.slice(3, 3 + length);
    rest = rest.slice(3 + length);
    if (type !== NETWORK) continue;
    if (value.length !== 5 && value.length !== 17) return undefined;
    const prefixLength = value.pop()!;
    const bits = value.map((byte) => byte.toString(2).padStart(8, "0")).join("");
    if (prefixLength > bits.length || bits.slice(prefixLength).includes("1")) return undefined;
    if (prefixLength === 0 || bits.length !== 32) return undefined;
    if ([0, 127].includes(value[0]!) || value[0]! >= 224) return undefined;
    texts.push(`${value.join(".")}/${prefixLength}`);
  }
  return texts.length > 16 || new Set(texts).size < texts.length ? undefined : texts;
}
