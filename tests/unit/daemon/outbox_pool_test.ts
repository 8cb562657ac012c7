import { assert, assertEquals } from "@std/assert";
import { OutboxPool } from "../../../daemon/outbox_pool.ts";
import { OUTBOX_TOTAL } from "../../../lib/session/limits.ts";

/** A pool that has lent all its outboxes, and one of them. */
function exhausted(): { pool: OutboxPool; last: NonNullable<ReturnType<OutboxPool["take"]>> } {
  const pool = new OutboxPool();
  for (let last = pool.take()!;;) {
    const next = pool.take();
    if (next === undefined) return { pool, last };
    last = next;
  }
}

Deno.test("OutboxPool.take() lends no more memory than OUTBOX_TOTAL", () => {
  const pool = new OutboxPool();
  let bytes = 0;
  for (let outbox = pool.take(); outbox !== undefined; outbox = pool.take()) {
    bytes += outbox.queue.bytes.length;
  }
  // One more of that size would be too much.
  assert(bytes <= OUTBOX_TOTAL && bytes > OUTBOX_TOTAL * 0.98);
});

Deno.test("OutboxPool.take() lends again what was given back, emptied", () => {
  const { pool, last } = exhausted();
  last.queue.push(new Uint8Array(100), 0, 100);
  pool.give(last);
  const again = pool.take();
  assert(again === last);
  assert(again.queue.isEmpty);
  assertEquals(pool.take(), undefined);
});

Deno.test("OutboxPool.take() finds room for the rest of a unit when all outboxes are lent", () => {
  const { pool } = exhausted();
  const outbox = pool.take(1400)!;
  assert(outbox.queue.push(new Uint8Array(1400), 0, 1400));
  assert(!outbox.queue.push(new Uint8Array(1), 0, 1));
  pool.give(outbox);
  assertEquals(pool.take(), undefined);
});
