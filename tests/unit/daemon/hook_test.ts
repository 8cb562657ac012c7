import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../daemon/failure.ts";
import { checkHook, endTimeOf } from "../../../daemon/hook.ts";
import { effectiveUser } from "../../../ffi/ownership.ts";
import { PEER_VARIABLES, plain, TUNNEL_VARIABLES } from "../../../lib/config/hook_variables.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("checkHook() wants a program that nobody else could have changed", () => {
  using folder = new TemporaryFolder();
  const path = `${folder.path}/hook`;
  const refuses = (why: string): void => {
    assertThrows(() => checkHook("up", path), Failure, `Cannot use --up ${path}: ${why}`);
  };
  refuses("No such file");
  Deno.writeTextFileSync(path, "#!/bin/sh\n");
  Deno.chmodSync(path, 0o644);
  refuses("it is not executable");
  Deno.chmodSync(path, 0o757);
  refuses("every user could change it");
  Deno.chmodSync(path, 0o755);
  checkHook("up", path);
  for (const text of ["", "#", "logger joined\n"]) {
    Deno.writeTextFileSync(path, text);
    refuses("it is no program, and a script begins with");
  }
  Deno.writeFileSync(path, Deno.readFileSync("/bin/true"));
  Deno.chmodSync(folder.path, 0o777);
  refuses("every user could change it");
  // As /tmp is: everybody may make files, and nobody another's away.
  Deno.chmodSync(folder.path, 0o1777);
  checkHook("up", path);
  Deno.chmodSync(folder.path, 0o700);
  assertThrows(() => checkHook("up", folder.path), Failure, "it is no file");
});

Deno.test({
  name:
    "checkHook() wants no folder of another user above the program, who could put another there",
  ignore: effectiveUser() !== 0,
  fn: () => {
    using folder = new TemporaryFolder();
    const [outer, inner] = [`${folder.path}/outer`, `${folder.path}/outer/inner`];
    const path = `${inner}/hook`;
    Deno.mkdirSync(inner, { recursive: true });
    Deno.writeTextFileSync(path, "#!/bin/sh\n", { mode: 0o755 });
    checkHook("up", path);
    for (const stranger of [inner, outer]) {
      const { uid, gid } = Deno.statSync(stranger);
      Deno.chownSync(stranger, 65_534, 65_534);
      const why = `the folder ${stranger} belongs to another user`;
      assertThrows(() => checkHook("up", path), Failure, `Cannot use --up ${path}: ${why}`);
      Deno.chownSync(stranger, uid, gid);
    }
    Deno.chmodSync(outer, 0o777);
    assertThrows(() => checkHook("up", path), Failure, "every user could change it");
  },
});

Deno.test("endTimeOf() is the time of two programs, if there are any", () => {
  const none = { up: undefined, down: undefined, timeout: 30_000 };
  assertEquals(endTimeOf(none), 0);
  assertEquals(endTimeOf({ ...none, onConnect: undefined, onDisconnect: undefined }), 0);
  assertEquals(endTimeOf({ ...none, down: "/hook" }), 60_000);
  assertEquals(endTimeOf({ ...none, onDisconnect: "/hook" }), 60_000);
});

Deno.test("plain() leaves nothing that a terminal or a log obeys", () => {
  assertEquals(plain("a\x1b[31m\x9b\r\n\x00\x7f\u202eb\u2028ü €"), "a?[31m??????b?ü €");
});

Deno.test("docs/hooks.md has the variables that there are, and no others", () => {
  const page = Deno.readTextFileSync(new URL("../../../docs/hooks.md", import.meta.url));
  for (
    const [heading, table] of [["tunnel", TUNNEL_VARIABLES], ["peer", PEER_VARIABLES]] as const
  ) {
    const [, section] = page.split(`## Variables of a ${heading}\n`);
    const rows = [
      ...section!.split("\n## ")[0]!.matchAll(/^\| `(SIMPLEVPN_\w+)` +\| (.*?) +\|$/gm),
    ];
    assertEquals(Object.fromEntries(rows.map(([, name, text]) => [name, text])), { ...table });
  }
});
