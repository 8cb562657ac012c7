import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { effectiveUser } from "../../../ffi/ownership.ts";
import { Failure } from "../../../daemon/failure.ts";
import { readInvite } from "../../../daemon/join_plan.ts";
import { runCommand } from "../../../daemon/run_command.ts";
import { readNoteIfAny, readTextIfAny } from "../../../daemon/state_file.ts";
import { CONNECT_OPTIONS } from "../../../lib/config/client_options.ts";
import { readClientSettings } from "../../../lib/config/client_settings.ts";
import { readArguments, UsageError } from "../../../lib/config/command_line.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const NOBODY = 65534;

Deno.test("a file of the state folder is read whole, or is not there", () => {
  using folder = new TemporaryFolder();
  const path = `${folder.path}/file`;
  const text = "é\n".repeat(100_000);
  for (const read of [readTextIfAny, readNoteIfAny]) {
    assertEquals(read(path), undefined);
    Deno.writeTextFileSync(path, text);
    assertEquals(read(path), text);
    Deno.removeSync(path);
  }
});

Deno.test("what is no file in a state folder is waited for by nobody, and said in one line", async () => {
  using folder = new TemporaryFolder();
  const [fifo, link, loop] = ["fifo", "link", "loop"].map((name) => `${folder.path}/${name}`);
  await runCommand(["mkfifo", fifo!]);
  for (const [target, name] of [["/dev/zero", link!], [loop!, loop!]] as const) {
    await runCommand(["ln", "-s", target, name]);
  }
  for (const read of [readTextIfAny, readNoteIfAny]) {
    for (const path of [fifo!, link!, folder.path]) {
      assertThrows(() => read(path), Failure, `Cannot read ${path}: it is no regular file`);
    }
    assertThrows(() => read(loop!), Failure, `Cannot read ${loop}: too many levels`);
  }
});

Deno.test("root acts by no other user's note", () => {
  using folder = new TemporaryFolder();
  const path = `${folder.path}/note`;
  Deno.writeTextFileSync(path, "{}");
  if (effectiveUser() !== 0) return assertEquals(readNoteIfAny(path), "{}");
  Deno.chownSync(path, NOBODY, NOBODY);
  assertThrows(() => readNoteIfAny(path), Failure, "belongs to another user");
  assertEquals(readTextIfAny(path), "{}");
});

Deno.test("an invite is read from a pipe as well, and not without end", async () => {
  using folder = new TemporaryFolder();
  const fifo = `${folder.path}/fifo`;
  await runCommand(["mkfifo", fifo]);
  const invite = (file: string): Promise<unknown> =>
    readInvite(readClientSettings(readArguments(CONNECT_OPTIONS, ["--invite-file", file])));
  await assertRejects(() => invite("/dev/zero"), Failure, "The text is longer than 65536 bytes");
  const written = Deno.writeTextFile(fifo, "no invite\n");
  await assertRejects(() => invite(fifo), UsageError, "no whole invite");
  await written;
});
