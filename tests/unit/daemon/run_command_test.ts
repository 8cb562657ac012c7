import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { runCommand } from "../../../daemon/run_command.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("runCommand() gives back the status and all that was printed", async () => {
  const result = await runCommand(["sh", "-c", "echo out; echo err >&2; exit 3"]);
  assertEquals(result, { code: 3, stdout: "out\n", stderr: "err\n" });
});

Deno.test("runCommand() passes stdin, an environment of its own, and words as they are", async () => {
  const { stdout } = await runCommand(
    ["sh", "-c", 'cat; echo "$GIVEN|$HOME|$1"', "sh", "$(id) `id`"],
    { input: "in\n", env: { GIVEN: "a b" } },
  );
  assertEquals(stdout, "in\na b||$(id) `id`\n");
});

Deno.test("runCommand() needs no program that reads its stdin", async () => {
  const { code } = await runCommand(["true"], { input: "x".repeat(1_000_000) });
  assertEquals(code, 0);
});

Deno.test("runCommand() keeps no more than the beginning of a long output", async () => {
  const { code, stdout } = await runCommand(["sh", "-c", "head -c 10000000 /dev/zero"]);
  assertEquals([code, stdout.length], [0, 65_536]);
  const more = await runCommand(["head", "-c", "10000000", "/dev/zero"], { outputMost: 100_000 });
  assertEquals(more.stdout.length, 100_000);
});

Deno.test("runCommand() kills what takes too long, also when its children live on", async () => {
  const begun = performance.now();
  await assertRejects(
    () => runCommand(["sh", "-c", "sleep 3 & sleep 30"], { timeout: 200 }),
    Deno.errors.TimedOut,
    "sh did not end within 0.2 s",
  );
  assert(performance.now() < begun + 2500);
});

Deno.test("runCommand() tells when there is no such program", async () => {
  await assertRejects(() => runCommand(["simplevpn-no-such-program"]), Deno.errors.NotFound);
});

Deno.test("runCommand() kills what the program started with it", async () => {
  using folder = new TemporaryFolder();
  const note = `${folder.path}/late`;
  await assertRejects(
    () => runCommand(["sh", "-c", `(sleep 1; echo > ${note}) & sleep 30`], { timeout: 200 }),
    Deno.errors.TimedOut,
  );
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assertThrows(() => Deno.statSync(note), Deno.errors.NotFound);
});
