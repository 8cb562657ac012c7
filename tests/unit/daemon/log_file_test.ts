import { assertEquals, assertThrows } from "@std/assert";
import { effectiveUser } from "../../../ffi/ownership.ts";
import { Failure } from "../../../daemon/failure.ts";
import { LOG_FILES_KEPT, LogFile } from "../../../daemon/log_file.ts";
import { runCommand } from "../../../daemon/run_command.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const encoder = new TextEncoder();

function writeLines(file: LogFile, ...lines: string[]): void {
  for (const line of lines) file.write(encoder.encode(`${line}\n`));
}

function contents(folder: string): Record<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
  return Object.fromEntries(
    names.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]),
  );
}

Deno.test({
  name: "root follows no link that another user made, at the start or later",
  ignore: effectiveUser() !== 0,
  fn: async () => {
    using folder = new TemporaryFolder();
    const [theirs, secret] = [`${folder.path}/theirs`, `${folder.path}/secret`];
    const path = `${theirs}/log`;
    Deno.mkdirSync(theirs);
    Deno.writeTextFileSync(secret, "");
    await runCommand(["ln", "-s", secret, path]);
    new LogFile(path).close();
    Deno.chownSync(theirs, 65_534, 65_534);
    assertThrows(() => new LogFile(path), Failure, "there is a link, or no file, in a folder");
    Deno.removeSync(path);
    const file = new LogFile(path);
    writeLines(file, "one");
    Deno.removeSync(path);
    await runCommand(["ln", "-s", secret, path]);
    assertThrows(() => writeLines(file, "two"), Error, "there is a link");
    file.close();
    assertEquals(Deno.readTextFileSync(secret), "");
  },
});

Deno.test("LogFile appends to what is there, readable for its owner alone", () => {
  using temporary = new TemporaryFolder();
  const folder = temporary.path;
  for (const line of ["one", "two"]) {
    const file = new LogFile(`${folder}/log`);
    writeLines(file, line);
    file.close();
  }
  assertEquals(contents(folder), { log: "one\ntwo\n" });
  assertEquals(Deno.statSync(`${folder}/log`).mode! & 0o777, 0o600);
});

Deno.test("LogFile is rotated before it gets too long, and the oldest lines go", () => {
  using temporary = new TemporaryFolder();
  const folder = temporary.path;
  const file = new LogFile(`${folder}/log`, 8);
  writeLines(file, "a1", "a2", "b1", "b2", "longer than all", "c1");
  assertEquals(contents(folder), {
    "log": "c1\n",
    "log.1": "longer than all\n",
    "log.2": "b1\nb2\n",
    "log.3": "a1\na2\n",
  });
  writeLines(file, ...Array.from({ length: 20 }, () => "more"));
  file.close();
  assertEquals(Object.keys(contents(folder)).length, 1 + LOG_FILES_KEPT);
  assertEquals(Deno.statSync(`${folder}/log.1`).mode! & 0o777, 0o600);
});

Deno.test("LogFile goes on in a new file when somebody else moved or removed the old one", () => {
  using temporary = new TemporaryFolder();
  const folder = temporary.path;
  const file = new LogFile(`${folder}/log`);
  writeLines(file, "one");
  Deno.renameSync(`${folder}/log`, `${folder}/old`);
  writeLines(file, "two");
  assertEquals(contents(folder), { log: "two\n", old: "one\n" });
  Deno.removeSync(`${folder}/log`);
  writeLines(file, "three");
  file.close();
  assertEquals(contents(folder), { log: "three\n", old: "one\n" });
});

Deno.test("LogFile says which file it cannot write, and what to do", () => {
  assertThrows(
    () => new LogFile("/tmp/nowhere/at/all"),
    Failure,
    "Cannot log to /tmp/nowhere/at/all: No such file or directory",
  );
});
