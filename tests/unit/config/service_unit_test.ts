import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../lib/config/command_line.ts";
import { formatServiceUnit, type ServiceUnit } from "../../../lib/config/service_unit.ts";
import { Random } from "../../random.ts";

const UNIT: ServiceUnit = {
  name: "simplevpn-server",
  description: "simplevpn server",
  command: ["/usr/local/bin/simplevpn-server", "serve", "--port=2002"],
  hasLowPort: false,
  hasLogFile: false,
  writesSysctls: false,
  reload: undefined,
};

/** Values of a unit's settings, by their names. */
function settingsOf(unit: Partial<ServiceUnit>): Map<string, string> {
  const lines = formatServiceUnit({ ...UNIT, ...unit }).split("\n");
  return new Map(
    lines.filter((line) => /^[A-Z][A-Za-z]+=/.test(line)).map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** A naive model of how systemd reads a command line: one character after the other. */
function readCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (char === '"') {
      isQuoted = !isQuoted;
      word ??= "";
    } else if (char === " " && !isQuoted) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "\\") word = (word ?? "") + line[++i];
    else if (char === "%" || char === "$") {
      assertEquals(line[++i], char);
      word = (word ?? "") + char;
    } else word = (word ?? "") + char;
  }
  assert(!isQuoted);
  return word === undefined ? words : [...words, word];
}

Deno.test("a service has the one capability that it needs, and another for a low port", () => {
  for (const name of ["AmbientCapabilities", "CapabilityBoundingSet"]) {
    assertEquals(settingsOf({}).get(name), "CAP_NET_ADMIN");
    assertEquals(
      settingsOf({ hasLowPort: true }).get(name),
      "CAP_NET_ADMIN CAP_NET_BIND_SERVICE",
    );
  }
});

Deno.test("what is in /proc/sys can be written by a service alone that has to", () => {
  assertEquals(settingsOf({}).get("ProtectKernelTunables"), "yes");
  assertEquals(settingsOf({ writesSysctls: true }).get("ProtectKernelTunables"), undefined);
});

Deno.test("a service can be reloaded if there is something to reload", () => {
  assertEquals(settingsOf({}).get("ExecReload"), undefined);
  assertEquals(settingsOf({ reload: ["/a b", "reload"] }).get("ExecReload"), '"/a b" reload');
});

Deno.test("a service may make machine code while it runs", () => {
  assertEquals(settingsOf({}).get("MemoryDenyWriteExecute"), undefined);
});

Deno.test("plain words of a command line stay as they are", () => {
  assertEquals(settingsOf({}).get("ExecStart"), UNIT.command.join(" "));
});

Deno.test("systemd reads the words of a command line as they were given", () => {
  const random = new Random(20261130);
  const letters = [..."ab \"'\\%$;#-=/é{}"];
  for (let round = 0; round < 2000; round++) {
    const words = Array.from(
      { length: random.integer(1, 4) },
      () => Array.from({ length: random.integer(0, 8) }, () => random.pick(letters)).join(""),
    );
    assertEquals(readCommand(settingsOf({ command: words }).get("ExecStart")!), words);
  }
});

Deno.test("control characters do not get into a unit", () => {
  for (const word of ["a\nExecStartPre=/bin/sh", "\u0000", "a\u009fb", "\u007f"]) {
    assertThrows(() => formatServiceUnit({ ...UNIT, command: ["/bin/x", word] }), UsageError);
  }
});
