import { assertEquals } from "@std/assert";
import { Backpressure } from "../../../lib/session/backpressure.ts";
import { READING_ALONE, READING_PATIENCE } from "../../../lib/session/limits.ts";

Deno.test("Backpressure waits for a lone receiver until it has room", () => {
  const backpressure = new Backpressure();
  const client = { hasRoom: true };
  assertEquals(backpressure.mayRead(0), true);
  backpressure.sent(client, 0);
  assertEquals(backpressure.mayRead(0), true);
  client.hasRoom = false;
  assertEquals([backpressure.mayRead(10), backpressure.deadline], [false, 10 + READING_PATIENCE]);
  assertEquals(backpressure.mayRead(9 + READING_PATIENCE), false);
  client.hasRoom = true;
  assertEquals([backpressure.mayRead(11), backpressure.deadline], [true, Infinity]);
  client.hasRoom = false;
  assertEquals([backpressure.mayRead(20), backpressure.deadline], [false, 20 + READING_PATIENCE]);
});

Deno.test("Backpressure gives a slow receiver up until it had room again", () => {
  const backpressure = new Backpressure();
  const client = { hasRoom: false };
  backpressure.sent(client, 0);
  assertEquals(backpressure.mayRead(0), false);
  for (const now of [READING_PATIENCE, READING_PATIENCE + 1, 10_000]) {
    backpressure.sent(client, now);
    assertEquals([backpressure.mayRead(now), backpressure.deadline], [true, Infinity]);
  }
  client.hasRoom = true;
  assertEquals(backpressure.mayRead(10_001), true);
  client.hasRoom = false;
  assertEquals(backpressure.mayRead(10_002), false);
});

Deno.test("Backpressure waits for nobody while others are sent to as well", () => {
  const backpressure = new Backpressure();
  const [slow, other] = [{ hasRoom: false }, { hasRoom: true }];
  backpressure.sent(other, 0);
  backpressure.sent(slow, 0);
  assertEquals(backpressure.mayRead(READING_ALONE - 1), true);
  backpressure.sent(slow, READING_ALONE);
  assertEquals(backpressure.mayRead(READING_ALONE), false);
  backpressure.sent(other, READING_ALONE + 1);
  assertEquals([backpressure.mayRead(READING_ALONE + 1), backpressure.deadline], [true, Infinity]);
});

Deno.test("Backpressure waits for nobody who is gone", () => {
  const backpressure = new Backpressure();
  const client = { hasRoom: false };
  backpressure.sent(client, 0);
  assertEquals(backpressure.mayRead(0), false);
  backpressure.forget({ hasRoom: false });
  assertEquals(backpressure.mayRead(0), false);
  backpressure.forget(client);
  assertEquals([backpressure.mayRead(0), backpressure.deadline], [true, Infinity]);
});
