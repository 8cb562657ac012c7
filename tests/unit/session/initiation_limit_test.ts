import { assert, assertEquals } from "@std/assert";
import { InitiationLimit } from "../../../lib/session/initiation_limit.ts";
import {
  INITIATION_BURST,
  INITIATION_RATE,
  INITIATION_RATE_PER_NETWORK,
} from "../../../lib/session/limits.ts";
import { Random } from "../../random.ts";

/** How many of `perMillisecond` a millisecond pass in `milliseconds` from `from` on. */
function passed(
  limit: InitiationLimit,
  from: number,
  milliseconds: number,
  perMillisecond: number,
  network: () => number,
): number {
  let count = 0;
  for (let now = from; now < from + milliseconds; now++) {
    for (let i = 0; i < perMillisecond; i++) if (limit.allows(network(), now)) count++;
  }
  return count;
}

/** What a burst and `milliseconds` at a rate let through. */
function allowance(rate: number, milliseconds: number): number {
  return rate * (INITIATION_BURST + milliseconds) / 1000;
}

Deno.test("a flood from all networks passes at the rate of all, from one at the rate of one", () => {
  const random = new Random(5);
  const anywhere = (): number => random.integer(0, 2 ** 32 - 1);
  const all = passed(new InitiationLimit(), 7, 10_000, 100, anywhere);
  const expected = allowance(INITIATION_RATE, 10_000);
  assert(Math.abs(all - expected) < expected / 100, `${all}`);
  const one = passed(new InitiationLimit(), 7, 10_000, 100, () => 77);
  assert(Math.abs(one - allowance(INITIATION_RATE_PER_NETWORK, 10_000)) < 10, `${one}`);
});

Deno.test("a flood from one network does not touch another", () => {
  const limit = new InitiationLimit();
  for (let now = 0; now < 5000; now += 100) {
    passed(limit, now, 100, 100, () => 0xffffffff);
    assert(limit.allows(8, now + 100), `${now}`);
  }
});

Deno.test("when a flood from everywhere ends, all pass again at once, and a burst soon", () => {
  const random = new Random(6);
  const limit = new InitiationLimit();
  passed(limit, 0, 3000, 100, () => random.integer(0, 2 ** 32 - 1));
  assert(limit.allows(8, 3001));
  const calm = 3001 + 2 * INITIATION_BURST;
  const burst = INITIATION_RATE_PER_NETWORK * INITIATION_BURST / 1000;
  assertEquals(passed(limit, calm, 1, burst, () => 9), burst);
});
