import { assertEquals, assertThrows } from "@std/assert";
import { mean, median, orderOfRound, summarize } from "../../../scripts/bench/statistics.ts";

Deno.test("median() gives the middle one of an odd count, in whatever order", () => {
  assertEquals(median([9, 1, 10]), 9);
  assertEquals(median([7]), 7);
});

Deno.test("median() gives the mean of the two middle ones of an even count", () => {
  assertEquals(median([40, 1, 2, 3]), 2.5);
  assertEquals(median([1, 2]), 1.5);
});

Deno.test("median() compares numbers as numbers and leaves its argument as it is", () => {
  const numbers = [100, 20, 3];
  assertEquals(median(numbers), 20);
  assertEquals(numbers, [100, 20, 3]);
});

Deno.test("median() and mean() throw when there are no numbers", () => {
  assertThrows(() => median([]), RangeError);
  assertThrows(() => mean([]), RangeError);
});

Deno.test("mean() divides the sum by the count", () => {
  assertEquals(mean([1, 2, 6]), 3);
});

Deno.test("summarize() relates the median to the base's median", () => {
  assertEquals(summarize([2, 8, 4], [10, 1, 16]), { median: 4, ratio: 0.4, samples: [2, 8, 4] });
});

Deno.test("summarize() gives no ratio when the base has no samples", () => {
  assertEquals(summarize([2]).ratio, null);
});

Deno.test("summarize() gives no ratio when the base's median is 0", () => {
  assertEquals(summarize([2], [0, 0, 5]).ratio, null);
});

Deno.test("orderOfRound() turns the order round at every other round", () => {
  const subjects = ["plain", "tunnel"];
  const order = [0, 1, 2].map((round) => orderOfRound(subjects, round));
  assertEquals(order, [["plain", "tunnel"], ["tunnel", "plain"], ["plain", "tunnel"]]);
  assertEquals(subjects, ["plain", "tunnel"]);
});
