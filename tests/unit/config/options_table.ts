/** What the tables of docs/configuration.md have to say, by the code. */
import type { Option } from "../../../lib/config/command_line.ts";
import { keysOf } from "../../../lib/config/config_file.ts";

/** What stands for numbers in the help. */
const NUMBERS = ["PORT", "BYTES", "SECONDS", "N"];

/** The cells of an option's row, but for what it means. */
export interface OptionRow {
  key: string;
  type: string;
  byDefault: string;
  reload: string;
}

export function rowsOf(table: readonly Option[]): OptionRow[] {
  return keysOf(table).map((option) => ({
    key: `\`${option.name}\``,
    type: typeOf(option),
    byDefault: defaultOf(option),
    reload: option.reloads ? "yes" : "no",
  }));
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
