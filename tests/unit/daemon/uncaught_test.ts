import { assertEquals, assertRejects } from "@std/assert";
import { uncaughtException } from "../../../daemon/uncaught.ts";

const FAULTS: Record<string, () => void> = {
  "a timer's exception": () => {
    setTimeout(() => {
      throw new RangeError("too far");
    });
  },
  "a promise that nobody waits for": () => {
    Promise.reject(new RangeError("too far"));
  },
};

for (const [name, begin] of Object.entries(FAULTS)) {
  Deno.test(`${name} is a failure to wait for, and does not end the program`, async () => {
    const uncaught = uncaughtException();
    begin();
    await assertRejects(() => uncaught, RangeError, "too far");
    // Whoever waits later hears of it as well.
    assertEquals(await uncaught.catch((error) => error.message), "too far");
  });
}
