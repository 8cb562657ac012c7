/** State that programs share: the registry, with several that write it and some that are killed, and locks. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { RegistryStore } from "../../daemon/registry_store.ts";
import { lockStateFile, writeFileAtomically } from "../../daemon/state_folder.ts";
import { OsError } from "../../ffi/error.ts";
import { lockFile } from "../../ffi/file_lock.ts";
import { TemporaryFolder } from "../unit/daemon/temporary_folder.ts";

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

Deno.test("a lock that was closed is free, though a process that is being started has its descriptor", () => {
  const libc = Deno.dlopen("libc.so.6", {
    dup: { parameters: ["i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const path = Deno.makeTempFileSync({ prefix: "simplevpn-lock-" });
  try {
    const lock = lockFile(path, { wait: false })!;
    const copies = descriptorsOf(path).map((fd) => libc.symbols.dup(fd));
    assertEquals(copies.length, 1);
    assertEquals(lockFile(path, { wait: false }), undefined);
    lock.close();
    const again = lockFile(path, { wait: false });
    for (const fd of copies) libc.symbols.close(fd);
    again?.close();
    assert(again !== undefined);
  } finally {
    libc.close();
    Deno.removeSync(path);
  }
});

Deno.test("links in a state folder lead nowhere", () => {
  using temporary = new TemporaryFolder();
  const folder = `${temporary.path}/state`;
  const shadow = `${temporary.path}/shadow`;
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(shadow, "secret", { mode: 0o640 });
  const before = Deno.statSync(shadow);
  if (before.uid === 0) Deno.chownSync(folder, 65534, 65534);
  for (const name of ["peers.json", "peers.json.new", "peers.lock"]) {
    Deno.symlinkSync(shadow, `${folder}/${name}`);
  }
  Deno.symlinkSync(`${temporary.path}/made`, `${folder}/server.lock`);
  writeFileAtomically(`${folder}/peers.json`, "{}");
  assertThrows(() => lockStateFile(`${folder}/peers.lock`, { wait: false }), OsError, "ELOOP");
  assertThrows(() => lockStateFile(`${folder}/server.lock`, { wait: false }), OsError, "ELOOP");
  const after = Deno.statSync(shadow);
  assertEquals([after.uid, after.gid, after.mode], [before.uid, before.gid, before.mode]);
  assertEquals(Deno.readTextFileSync(shadow), "secret");
  assertEquals([...Deno.readDirSync(temporary.path)].map(({ name }) => name).toSorted(), [
    "shadow",
    "state",
  ]);
  assertEquals(Deno.lstatSync(`${folder}/peers.json`).isFile, true);
});

/** This process's open file descriptors of a file. */
function descriptorsOf(path: string): number[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name)).filter((fd) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // That of the folder itself.
    }
  });
}
