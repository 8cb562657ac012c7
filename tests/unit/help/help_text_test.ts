import { assertEquals } from "@std/assert";
import { commandHelp, describeOptions, programHelp } from "../../../lib/help/help_text.ts";
import { AWKWARD } from "./program.ts";

Deno.test("describeOptions() aligns the help of all options", () => {
  const table = [
    { name: "server", short: "s", value: "HOST", help: "the server" },
    { name: "json-logs", help: "log as JSON" },
  ];
  assertEquals(describeOptions(table).split("\n"), [
    "  -s, --server HOST  the server",
    "      --json-logs    log as JSON",
  ]);
});

Deno.test("programHelp() lists all commands, and the options of the first", () => {
  const lines = programHelp(AWKWARD).split("\n");
  assertEquals(lines.slice(0, 9), [
    "it-server: serves",
    "",
    "Usage:",
    "  it-server [serve] [OPTION ...]",
    "  it-server peers list",
    "  it-server peers add NAME",
    "  it-server check FILE",
    "",
    "Commands:",
  ]);
  assertEquals(lines.filter((line) => line.includes("--")).length, 8);
});

Deno.test("commandHelp() shows one command with its own options and the general ones", () => {
  assertEquals(commandHelp(AWKWARD, AWKWARD.commands[2]!).split("\n"), [
    "it-server peers add: one more",
    "",
    "Usage:",
    "  it-server peers add NAME",
    "",
    "Options:",
    "      --isolate  alone",
    "  -h, --help     show this help",
    "      --version  show the version",
  ]);
});
