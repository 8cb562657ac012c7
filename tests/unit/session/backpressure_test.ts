import { assert, assertEquals } from "@std/assert";
import { Backpressure } from "../../../lib/session/backpressure.ts";
import { MAX_FRAME_BODY } from "../../../lib/protocol/frame.ts";
import { READING_ALONE, READING_PATIENCE } from "../../../lib/session/limits.ts";

const PACKET = MAX_FRAME_BODY;

/** Milliseconds without reading while a receiver lets 100 packets through, one by one, as late as it can. */
function waitFor100(length: number): number {
  const backpressure = new Backpressure();
  const client = { hasRoom: true };
  let now = 0;
  let waited = 0;
  for (let i = 0; i < 100; i++) {
    backpressure.sent(client, length, now);
    client.hasRoom = false;
    if (!backpressure.mayRead(now)) {
      const late = backpressure.deadline - 0.001;
      waited += late - now;
      now = late;
    }
    client.hasRoom = true;
    backpressure.mayRead(now);
  }
  return waited;
}

Deno.test("Backpressure waits for a lone receiver until it has room", () => {
  const backpressure = new Backpressure();
  const client = { hasRoom: true };
  assertEquals(backpressure.mayRead(0), true);
  backpressure.sent(client, PACKET, 0);
  assertEquals(backpressure.mayRead(0), true);
  client.hasRoom = false;
  assertEquals([backpressure.mayRead(10), backpressure.deadline], [false, 10 + READING_PATIENCE]);
  assertEquals(backpressure.mayRead(9 + READING_PATIENCE), false);
  client.hasRoom = true;
  assertEquals([backpressure.mayRead(11), backpressure.deadline], [true, Infinity]);
  backpressure.sent(client, PACKET, 11);
  client.hasRoom = false;
  assertEquals([backpressure.mayRead(20), backpressure.deadline], [false, 20 + READING_PATIENCE]);
});

Deno.test("Backpressure gives a slow receiver up until it had room again", () => {
  const backpressure = new Backpressure();
  const client = { hasRoom: false };
  backpressure.sent(client, PACKET, 0);
  assertEquals(backpressure.mayRead(0), false);
  for (const now of [READING_PATIENCE, READING_PATIENCE + 1, 10_000]) {
    backpressure.sent(client, PACKET, now);
    assertEquals([backpressure.mayRead(now), backpressure.deadline], [true, Infinity]);
  }
  client.hasRoom = true;
  assertEquals(backpressure.mayRead(10_001), true);
  backpressure.sent(client, PACKET, 10_001);
  client.hasRoom = false;
  assertEquals(backpressure.mayRead(10_002), false);
});

Deno.test("Backpressure waits for nobody while others are sent to as well", () => {
  const backpressure = new Backpressure();
  const [slow, other] = [{ hasRoom: false }, { hasRoom: true }];
  backpressure.sent(other, PACKET, 0);
  backpressure.sent(slow, PACKET, 0);
  assertEquals(backpressure.mayRead(READING_ALONE - 1), true);
  backpressure.sent(slow, PACKET, READING_ALONE);
  assertEquals(backpressure.mayRead(READING_ALONE), false);
  backpressure.sent(other, PACKET, READING_ALONE + 1);
  assertEquals([backpressure.mayRead(READING_ALONE + 1), backpressure.deadline], [true, Infinity]);
});

Deno.test("Backpressure waits for nobody who is gone", () => {
  const backpressure = new Backpressure();
  const client = { hasRoom: false };
  backpressure.sent(client, PACKET, 0);
  assertEquals(backpressure.mayRead(0), false);
  backpressure.forget({ hasRoom: false });
  assertEquals(backpressure.mayRead(0), false);
  backpressure.forget(client);
  assertEquals([backpressure.mayRead(0), backpressure.deadline], [true, Infinity]);
});

Deno.test("Backpressure waits for a receiver as often as it takes much, and not if it takes little", () => {
  assert(waitFor100(MAX_FRAME_BODY) > 99 * READING_PATIENCE);
  assert(waitFor100(100) < 2 * READING_PATIENCE);
});
