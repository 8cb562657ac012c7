/** What the tables of docs/configuration.md have to say, by the code. */
import type { Option } from "../../../lib/config/command_line.ts";
import { keysOf } from "../../../lib/config/config_file.ts";

/** What stands for numbers in the help. */
const NUMBERS = ["PORT", "BYTES", "SECONDS", "N"];

/** The rows of options, all of each but for what it means. */
export function rowsOf(table: readonly Option[]): string[] {
  return keysOf(table).map((option) =>
    formatRow(option.name, typeOf(option), defaultOf(option), option.reloads ? "yes" : "no")
  );
}

export function formatRow(key: string, type: string, byDefault: string, reload: string): string {
  return `| \`${key}\` | ${type} | ${byDefault} | ... | ${reload} |`;
}

function typeOf({ value, repeats }: Option): string {
  if (value === undefined) return "switch";
  const type = NUMBERS.includes(value) ? "number" : "text";
  return repeats ? `${type}, list` : type;
}

/** What the help says in parentheses. */
function defaultOf({ value, help }: Option): string {
  if (value === undefined) return "false";
  return /\(default ([^)]*)\)/.exec(help)?.[1] ?? "";
}
