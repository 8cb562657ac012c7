/** The registry's file, with several programs that write it and some that are killed. */
import { assert, assertEquals } from "@std/assert";
import { RegistryStore } from "../../daemon/registry_store.ts";

const WRITER = [
  Deno.execPath(),
  "run",
  "--no-prompt",
  "--allow-ffi",
  "--allow-read",
  "--allow-write",
]
  .concat(new URL("registry_writer.ts", import.meta.url).pathname);

function startWriter(folder: string, name: string, count: number): Deno.ChildProcess {
  const args = [...WRITER.slice(1), folder, name, String(count)];
  return new Deno.Command(WRITER[0]!, { args, stdin: "null", stderr: "inherit" }).spawn();
}

Deno.test("nothing is lost when several programs change the registry at once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "simplevpn-lab-" });
  const writers = ["a", "b", "c"].map((name) => startWriter(folder, name, 40));
  const ends = await Promise.all(writers.map(({ status }) => status));
  assert(ends.every(({ success }) => success));
  assertEquals(new RegistryStore(folder).registry.peers.length, 120);
  assertEquals((await Deno.stat(`${folder}/peers.json`)).mode! & 0o777, 0o600);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the registry is whole at whatever moment its writer is killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "simplevpn-lab-" });
  let known = 0;
  for (let round = 0; round < 12; round++) {
    const writer = startWriter(folder, `w${round}-`, 100_000);
    await new Promise((resolve) => setTimeout(resolve, 150 + 13 * round));
    writer.kill("SIGKILL");
    await writer.status;
    // It can be read and written by the next one at once: no lock is left.
    const { peers } = new RegistryStore(folder).registry;
    assert(peers.length >= known);
    known = peers.length;
  }
  assert(known > 0);
  await Deno.remove(folder, { recursive: true });
});
