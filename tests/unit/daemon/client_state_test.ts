import { assert, assertEquals } from "@std/assert";
import { ClientState } from "../../../daemon/client_state.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("timestamps grow, over restarts as well, and few of them are written", () => {
  using temporary = new TemporaryFolder();
  const files = new Set<string>();
  let last = 0;
  for (let start = 0; start < 3; start++) {
    using state = new ClientState(temporary.path);
    for (let i = 0; i < 10; i++) {
      const next = state.nextTimestamp();
      assert(next > last && next < Date.now() + 4 * 60_000, `${next} after ${last}`);
      last = next;
      const text = Deno.readTextFileSync(`${temporary.path}/timestamp`);
      assert(Number(text) >= next);
      files.add(text);
    }
  }
  assertEquals(files.size, 3);
});

Deno.test("timestamps stay near the clock, however often a client is started", () => {
  using temporary = new TemporaryFolder();
  for (let start = 0; start < 100; start++) {
    using state = new ClientState(temporary.path);
    assert(state.nextTimestamp() < Date.now() + 90_000);
  }
});

for (const text of ["Infinity", "1e300", "-1", "0.5", "rubbish", ""]) {
  Deno.test(`a timestamp file with "${text}" in it is as good as none`, () => {
    using temporary = new TemporaryFolder();
    Deno.writeTextFileSync(`${temporary.path}/timestamp`, text);
    using state = new ClientState(temporary.path);
    const before = Date.now();
    const next = state.nextTimestamp();
    assert(next >= before && next <= Date.now(), `${next}`);
  });
}
