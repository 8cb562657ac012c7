import { assert, assertEquals } from "@std/assert";
import {
  formatDrops,
  formatMilliseconds,
  formatQuantity,
  formatTime,
  printable,
  printableJson,
} from "../../../lib/status/format.ts";
import { Random } from "../../random.ts";

Deno.test("quantities have two or three digits and a prefix", () => {
  const texts = [0, 1, 999, 999.4, 999.5, 1000, 1234, 9949, 9950, 123_456, 1e6, 1.5e9, 2e13, 3e15]
    .map((value) => formatQuantity(value, "B"));
  assertEquals(
    texts,
    ["0 B", "1 B", "999 B", "999 B", "1.0 kB", "1.0 kB", "1.2 kB", "9.9 kB", "10 kB"]
      .concat(["123 kB", "1.0 MB", "1.5 GB", "20 TB", "3.0 PB"]),
  );
  const random = new Random(3);
  for (let i = 0; i < 2_000; i++) {
    const value = 10 ** (random.next() * 17);
    const [digits, unit] = formatQuantity(value, "B").split(" ");
    const shown = Number(digits) * 1000 ** " kMGTP".indexOf(unit!.slice(0, -1) || " ");
    assert(Math.abs(shown - value) <= Math.max(0.5, 0.051 * value), `${value} ${digits} ${unit}`);
    assert(digits!.length <= 3, `${value} ${digits}`);
  }
});

Deno.test("times have their two largest units", () => {
  const texts = [-1, 0, 59.9, 60, 3599, 3600, 7500, 86_399, 86_400, 1e6].map(formatTime);
  assertEquals(
    texts,
    ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h 0 min", "2 h 5 min", "23 h 59 min", "1 d 0 h"]
      .concat(["11 d 13 h"]),
  );
  assertEquals([0.018, 0.96, 9.94, 37.4].map(formatMilliseconds), [
    "0.02 ms",
    "1.0 ms",
    "9.9 ms",
    "37 ms",
  ]);
});

Deno.test("drops are told by reason, the most frequent first", () => {
  assertEquals(formatDrops({}), "-");
  assertEquals(
    formatDrops({ no_route: 1, outbox_full: 12, flood: 0 }),
    "12 outbox_full, 1 no_route",
  );
});

/** Each of these a terminal obeys, or may. */
const UNSAFE = ["\x00", "\x07", "\n", "\r", "\x1b", "\x7f", "\x80", "\x9b", "\u200e", "\u202e"]
  .concat(["\u2028", "\u2066", "\ufeff", "\u{e0001}"]);

Deno.test("no text makes a terminal do anything but show it", () => {
  for (const character of UNSAFE) {
    assertEquals(printable(`a${character}b`), "a?b");
    const json = printableJson({ [`k${character}`]: [`a${character}b`] });
    assert(/^[ -~]*$/.test(json), json);
    assertEquals(JSON.parse(json), { [`k${character}`]: [`a${character}b`] });
  }
  assertEquals(printable("é ü \u{1f600} 你"), "é ü \u{1f600} 你");
  assertEquals(printableJson({ a: "é\u{1f600}" }, 2), '{\n  "a": "é\u{1f600}"\n}');
});
