import { assertEquals } from "@std/assert";
import { readPong, writePing, writePong } from "../../../lib/protocol/ping.ts";

Deno.test("a Pong answers the Ping that it is made of, and says what came if it is to", () => {
  for (const number of [0, 1, 0x1234_5678, 2 ** 32 - 1]) {
    const ping = writePing(number);
    assertEquals(ping.length, 8);
    assertEquals(writePong(ping), ping);
    assertEquals(readPong(writePong(ping)), { number, received: undefined });
    for (const received of [0, 7, 2 ** 32 - 1]) {
      const pong = writePong(ping, received);
      assertEquals(pong.length, 12);
      assertEquals(readPong(pong), { number, received });
    }
  }
});

Deno.test("a Pong is as long as may be whatever is in a Ping, and a short one says nothing", () => {
  assertEquals(writePong(new Uint8Array(60_000).fill(7)), new Uint8Array(8).fill(7));
  assertEquals(writePong(new Uint8Array(60_000).fill(7), 1).length, 12);
  for (let length = 0; length < 8; length++) {
    assertEquals(readPong(new Uint8Array(length)), undefined);
    assertEquals(writePong(new Uint8Array(length)).length, length);
  }
  for (let length = 8; length < 12; length++) {
    assertEquals(readPong(new Uint8Array(length)), { number: 0, received: undefined });
  }
});
