import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../daemon/failure.ts";
import {
  defaultStateFolder,
  lockStateFile,
  openStateFolder,
  writeFileAtomically,
} from "../../../daemon/state_folder.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const NOBODY = 65534;

function entries(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

Deno.test("openStateFolder() makes a folder for its owner alone, with those above it", () => {
  using temporary = new TemporaryFolder();
  const path = `${temporary.path}/var/lib/simplevpn`;
  assertEquals(openStateFolder(path), path);
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o700);
});

Deno.test("openStateFolder() leaves what is in a folder alone, and nothing of its own", () => {
  using temporary = new TemporaryFolder();
  Deno.writeTextFileSync(`${temporary.path}/leases.json`, "kept");
  openStateFolder(temporary.path);
  assertEquals(entries(temporary.path), ["leases.json"]);
});

Deno.test("openStateFolder() throws Failure when the folder cannot be one", () => {
  using temporary = new TemporaryFolder();
  const path = `${temporary.path}/file`;
  Deno.writeTextFileSync(path, "");
  assertThrows(() => openStateFolder(path), Failure, "--state DIR");
  assertThrows(() => openStateFolder(`${path}/below`), Failure, `${path}/below`);
});

Deno.test("openStateFolder() refuses a folder in which other users could put files of theirs", () => {
  using temporary = new TemporaryFolder();
  const isRoot = Deno.statSync(temporary.path).uid === 0;
  Deno.chmodSync(temporary.path, 0o1777);
  assertThrows(() => openStateFolder(temporary.path), Failure, "other users");
  Deno.chmodSync(temporary.path, 0o775);
  assertEquals(openStateFolder(temporary.path), temporary.path);
  if (isRoot) {
    Deno.chownSync(temporary.path, NOBODY, NOBODY);
    assertEquals(openStateFolder(temporary.path), temporary.path);
  }
  assertEquals(entries(temporary.path), []);
});

Deno.test("writeFileAtomically() replaces a text whole, for its owner alone", () => {
  using temporary = new TemporaryFolder();
  const path = `${temporary.path}/file`;
  writeFileAtomically(path, "a long text\n".repeat(1000));
  writeFileAtomically(path, "né\n");
  assertEquals(Deno.readTextFileSync(path), "né\n");
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  assertEquals(entries(temporary.path), ["file"]);
});

Deno.test("writeFileAtomically() is not disturbed by what a crash left", () => {
  using temporary = new TemporaryFolder();
  const path = `${temporary.path}/file`;
  Deno.writeTextFileSync(`${path}.new`, "half of a longer tex");
  writeFileAtomically(path, "whole");
  assertEquals(Deno.readTextFileSync(path), "whole");
});

Deno.test("writeFileAtomically() leaves the old text when the new one cannot be written", () => {
  using temporary = new TemporaryFolder();
  const path = `${temporary.path}/file`;
  writeFileAtomically(path, "old");
  Deno.mkdirSync(`${path}.new`);
  assertThrows(() => writeFileAtomically(path, "new"), Error);
  assertEquals(Deno.readTextFileSync(path), "old");
});

Deno.test("what root makes in a folder of another user is that user's", () => {
  using temporary = new TemporaryFolder();
  const { path } = temporary;
  // Only root can give a folder away; others have folders of their own alone.
  const { uid } = Deno.statSync(path);
  const owner = uid === 0 ? NOBODY : uid!;
  if (uid === 0) Deno.chownSync(path, owner, owner);
  writeFileAtomically(`${path}/peers.json`, "{}");
  lockStateFile(`${path}/peers.lock`, { wait: false })!.close();
  for (const name of entries(path)) {
    const file = Deno.statSync(`${path}/${name}`);
    assertEquals([file.uid, file.mode! & 0o777], [owner, 0o600], name);
  }
  assertEquals(entries(path).toSorted(), ["peers.json", "peers.lock"]);
});

Deno.test("defaultStateFolder() is system-wide for root and else the user's own", () => {
  const original = { uid: Deno.uid, get: Deno.env.get };
  const environment: Record<string, string> = {};
  let uid = 0;
  Object.assign(Deno, { uid: () => uid });
  Object.assign(Deno.env, { get: (name: string) => environment[name] });
  try {
    environment.HOME = "/home/anna";
    assertEquals(defaultStateFolder(), "/var/lib/simplevpn");
    uid = 1000;
    assertEquals(defaultStateFolder(), "/home/anna/.local/state/simplevpn");
    assertEquals(defaultStateFolder("simplevpn"), "/var/lib/simplevpn");
    environment.XDG_STATE_HOME = "";
    assertEquals(defaultStateFolder(), "/home/anna/.local/state/simplevpn");
    environment.XDG_STATE_HOME = "data/state";
    assertEquals(defaultStateFolder(), "/home/anna/.local/state/simplevpn");
    environment.XDG_STATE_HOME = "/data/state";
    assertEquals(defaultStateFolder(), "/data/state/simplevpn");
  } finally {
    Object.assign(Deno, { uid: original.uid });
    Object.assign(Deno.env, { get: original.get });
  }
});
