import { assertEquals } from "@std/assert";
import { RateLimit } from "../../../daemon/rate_limit.ts";

/** Whether each of the times may pass, and what was told to be suppressed. */
function run(limit: RateLimit, times: readonly number[]): { passed: number[]; told: number[] } {
  const told: number[] = [];
  const passed = times.filter((now) => limit.allows(now, (count) => told.push(count)));
  return { passed, told };
}

Deno.test("RateLimit lets a burst through and then nothing until the interval ends", () => {
  const { passed, told } = run(new RateLimit(2, 100), [5, 6, 7, 50, 104, 105, 106, 107]);
  assertEquals(passed, [5, 6, 105, 106]);
  assertEquals(told, [3]);
});

Deno.test("RateLimit says nothing of suppression when there was none", () => {
  const { passed, told } = run(new RateLimit(2, 100), [0, 1, 100, 101, 1000]);
  assertEquals([passed.length, told], [5, []]);
});

Deno.test("RateLimit tells each interval's suppressed ones once", () => {
  const times = Array.from({ length: 35 }, (_, i) => i * 10);
  assertEquals(run(new RateLimit(1, 100), times).told, [9, 9, 9]);
});

Deno.test("RateLimit works with a clock that begins anywhere", () => {
  for (const begin of [-1e9, 0, 1e15]) {
    assertEquals(run(new RateLimit(1, 10), [begin, begin + 9, begin + 10]).passed, [
      begin,
      begin + 10,
    ]);
  }
});
