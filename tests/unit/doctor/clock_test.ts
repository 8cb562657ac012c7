import { assertEquals, assertMatch } from "@std/assert";
import { judgeClock } from "../../../lib/doctor/clock.ts";

const NOW = Date.UTC(2026, 10, 30, 1, 2, 3);
const MINUTE = 60_000;

Deno.test("judgeClock() takes a time before this program was written for wrong", () => {
  const { level, what } = judgeClock(Date.UTC(1970, 0, 1), undefined, true);
  assertEquals(level, "fault");
  assertMatch(what, /says 1970-01-01T00:00:00 UTC, which is long ago/);
});

Deno.test("judgeClock() compares with what the state folder knows", () => {
  assertEquals(judgeClock(NOW, NOW + MINUTE, true).level, "ok");
  assertEquals(judgeClock(NOW, NOW - MINUTE, true).level, "ok");
  const { level, what } = judgeClock(NOW, NOW + 60 * MINUTE, true);
  assertEquals(level, "warning");
  assertMatch(what, /says 2026-11-30T01:02:03 UTC, but it was 2026-11-30T02:02:03 UTC already/);
  assertMatch(judgeClock(NOW, Number.MAX_SAFE_INTEGER, true).what, /later than any date already/);
});

Deno.test("judgeClock() tells whether something keeps the clock right", () => {
  assertEquals(judgeClock(NOW, undefined, false).level, "note");
  assertMatch(judgeClock(NOW, undefined, true).what, /kept right/);
  assertEquals(judgeClock(NOW, -Infinity, undefined).level, "ok");
});
