import { assertEquals } from "@std/assert";
import { RateLimit } from "../../../lib/session/rate_limit.ts";

Deno.test("so many pass in a second, and as many in the next one", () => {
  const limit = new RateLimit(3);
  const passed = (now: number): number =>
    Array.from({ length: 10 }, () => limit.allows(now)).filter(Boolean).length;
  assertEquals(passed(5), 3);
  assertEquals(passed(1004), 0);
  assertEquals(passed(1005), 3);
  assertEquals(passed(9000), 3);
});
