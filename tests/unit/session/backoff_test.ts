import { assertEquals } from "@std/assert";
import { Backoff } from "../../../lib/session/backoff.ts";
import { BACKOFF_FIRST, BACKOFF_JITTER, BACKOFF_LONGEST } from "../../../lib/session/limits.ts";

function pauses(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next());
}

Deno.test("Backoff doubles its pauses up to the longest and stays there", () => {
  const expected = [1, 2, 4, 8, 16, 32, 64].map((factor) => factor * BACKOFF_FIRST);
  const longest = Array(100).fill(BACKOFF_LONGEST);
  assertEquals(pauses(new Backoff(() => 0), 107), [...expected, ...longest]);
});

Deno.test("Backoff stretches each pause at random, and no pause by the last one's stretch", () => {
  const values = [0.5, 0, 0.999];
  const backoff = new Backoff(() => values.shift()!);
  assertEquals(pauses(backoff, 3), [
    BACKOFF_FIRST * (1 + 0.5 * BACKOFF_JITTER),
    BACKOFF_FIRST * 2,
    BACKOFF_FIRST * 4 * (1 + 0.999 * BACKOFF_JITTER),
  ]);
});

Deno.test("Backoff.reset() begins with the first pause again", () => {
  const backoff = new Backoff(() => 0);
  pauses(backoff, 5);
  backoff.reset();
  assertEquals(pauses(backoff, 2), [BACKOFF_FIRST, 2 * BACKOFF_FIRST]);
});
