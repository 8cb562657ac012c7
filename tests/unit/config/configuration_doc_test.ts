import { assert, assertEquals } from "@std/assert";
import { CONNECT_OPTIONS } from "../../../lib/config/client_options.ts";
import { readClientSettings } from "../../../lib/config/client_settings.ts";
import { type Arguments, type Option } from "../../../lib/config/command_line.ts";
import { readConfigFile } from "../../../lib/config/config_file.ts";
import { checkConfigFile } from "../../../lib/config/merged_settings.ts";
import { SERVE_OPTIONS } from "../../../lib/config/server_options.ts";
import { readServerSettings } from "../../../lib/config/server_settings.ts";
import { formatRow, rowsOf } from "./options_table.ts";

const DOCUMENT = new URL("../../../docs/configuration.md", import.meta.url);
const PROGRAMS: [name: string, table: readonly Option[], read: (args: Arguments) => unknown][] = [
  ["server", SERVE_OPTIONS, readServerSettings],
  ["client", CONNECT_OPTIONS, readClientSettings],
];

/** The rows under a heading, in the form of rowsOf(); one that does not say what its key is has no dots. */
function documentedRows(text: string, heading: string): string[] {
  const section = text.split(`\n## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const lines = section.split("\n").filter((line) => line.startsWith("|")).slice(2);
  return lines.map((line) => {
    const [, key, type, byDefault, meaning, reload] = line.split("|").map((cell) => cell.trim());
    const row = formatRow(key!.replaceAll("`", ""), type!, byDefault!, reload!);
    return meaning === "" ? row.replace("...", "") : row;
  });
}

for (const [name, table, read] of PROGRAMS) {
  Deno.test(`docs/configuration.md has a row for each key of the ${name}, with what the code says`, async () => {
    const text = await Deno.readTextFile(DOCUMENT);
    assertEquals(documentedRows(text, `The ${name}'s keys`), rowsOf(table));
  });

  Deno.test(`docs/configuration.md's file for the ${name} is fine`, async () => {
    const text = await Deno.readTextFile(DOCUMENT);
    const example = text.split(`\`\`\`toml ${name}\n`)[1]!.split("```")[0]!;
    const file = readConfigFile(table, example, "example");
    checkConfigFile(read, { options: new Map(), operands: [] }, file);
    assert(file.options.size >= 7);
  });
}
