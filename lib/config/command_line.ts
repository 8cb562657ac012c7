import { parseArgs } from "@std/cli/parse-args";

/** A command line that cannot be understood; the message is one sentence for the person. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** One option of a program. */
export interface Option {
  /** Long name without the dashes, in kebab-case. */
  name: string;
  /** One letter. */
  short?: string;
  /** What stands for the value in the help, such as "PORT"; an option without one is a switch. */
  value?: string;
  /** One line. */
  help: string;
}

/** What a command line said: texts by option name, true for switches, and the other arguments. */
export interface Arguments {
  options: ReadonlyMap<string, string | true>;
  operands: readonly string[];
}

/**
 * Reads a command line by a table of options.
 *
 * @throws {UsageError} for an unknown option, a missing or superfluous value, or an option given twice
 */
export function readArguments(table: readonly Option[], args: readonly string[]): Arguments {
  const known = new Map(table.map((option) => [option.name, option]));
  const parsed = parseArgs(args, {
    string: table.filter((option) => option.value).map((option) => option.name).concat("_"),
    boolean: table.filter((option) => !option.value).map((option) => option.name),
    collect: table.map((option) => option.name),
    alias: Object.fromEntries(table.flatMap(({ name, short }) => short ? [[name, short]] : [])),
    unknown: (arg, key) => {
      if (key !== undefined) throw new UsageError(`Unknown option "${arg}"`);
    },
  });
  rejectSwitchValues(table, args);
  const options = new Map<string, string | true>();
  for (const [name, option] of known) {
    const given = parsed[name] as (string | boolean)[];
    if (given.length === 0 || given[0] === false) continue;
    if (given.length > 1) throw new UsageError(`The option --${name} is given more than once`);
    if (given[0] === "") {
      throw new UsageError(`The option --${name} needs a value: ${option.value}`);
    }
    options.set(name, given[0]!);
  }
  return { options, operands: parsed._.map(String) };
}

/** parseArgs() would take any value of a switch for "on". */
function rejectSwitchValues(table: readonly Option[], args: readonly string[]): void {
  for (const arg of args) {
    const option = table.find(({ name, value }) => !value && arg.startsWith(`--${name}=`));
    if (option !== undefined) throw new UsageError(`The option --${option.name} takes no value`);
  }
}

/** The lines of a help text that describe options, aligned. */
export function describeOptions(table: readonly Option[]): string {
  const rows = table.map(({ name, short, value, help }) => ({
    left: `  ${short ? `-${short},` : "   "} --${name}${value ? ` ${value}` : ""}`,
    help,
  }));
  const width = Math.max(...rows.map(({ left }) => left.length));
  return rows.map(({ left, help }) => `${left.padEnd(width)}  ${help}`).join("\n");
}
