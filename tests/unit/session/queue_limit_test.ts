import { assert, assertEquals } from "@std/assert";
import { OUTBOX_LEAST, OUTBOX_LIMIT, OUTBOX_TIME } from "../../../lib/session/limits.ts";
import { QueueLimit } from "../../../lib/session/queue_limit.ts";

/** Takes bytes at a rate, in bytes a millisecond, for so many milliseconds. */
function drain(limit: QueueLimit, rate: number, milliseconds: number): void {
  limit.begin(0);
  for (let now = 1; now <= milliseconds; now++) limit.took(rate, now);
}

Deno.test("QueueLimit allows what a connection takes in OUTBOX_TIME, within bounds", () => {
  const limit = new QueueLimit();
  assertEquals(limit.bytes, OUTBOX_LIMIT);
  // 10 Mbit/s, 40 Mbit/s, 1 Mbit/s and 10 Gbit/s.
  for (const rate of [1250, 5000, 125, 1_250_000]) {
    drain(limit, rate, 100);
    const fitting = Math.min(Math.max(rate * OUTBOX_TIME, OUTBOX_LEAST), OUTBOX_LIMIT);
    assertEquals(limit.bytes, fitting);
  }
});

Deno.test("QueueLimit says when the limit is another one, once a window", () => {
  const limit = new QueueLimit();
  limit.begin(0);
  const changes = [10, 20, 40, 60, 80, 120].map((now) => limit.took(12_500, now));
  assertEquals(changes, [false, false, false, true, false, true]);
});

Deno.test("QueueLimit allows no more than arrives in OUTBOX_TIME, whatever is taken at once", () => {
  const limit = new QueueLimit();
  assertEquals(limit.sampled(0, true, 0), false);
  assertEquals(limit.sampled(250 * 1250, true, 250), true);
  assertEquals(limit.bytes, 1250 * OUTBOX_TIME);
  drain(limit, 12_500, 100);
  limit.end();
  assertEquals(limit.bytes, 1250 * OUTBOX_TIME);
  // Without a backlog nothing follows from how little arrives.
  assertEquals(limit.sampled(250 * 1250 + 1, false, 500), false);
  assertEquals(limit.sampled(250 * 1250 + 2, true, 750), false);
  drain(limit, 12_500, 100);
  assertEquals(limit.bytes, 12_500 * OUTBOX_TIME);
});

Deno.test("QueueLimit grows again after a backlog is gone", () => {
  const limit = new QueueLimit();
  drain(limit, 125, 100);
  for (let i = 0; i < 10; i++) limit.end();
  assert(limit.bytes === OUTBOX_LIMIT);
});
