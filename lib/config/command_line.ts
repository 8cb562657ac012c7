import { parseArgs } from "@std/cli/parse-args";
import { nearestName } from "./nearest_name.ts";

/** A command line that cannot be understood; the message is one sentence for the person. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
  /** Names of the options that it is about, as far as it is about any. */
  readonly about: readonly string[];

  constructor(message: string, about: readonly string[] = []) {
    super(message);
    this.about = about;
  }
}

/** One option of a program. */
export interface Option {
  /** Long name without the dashes, in kebab-case. */
  name: string;
  /** One letter. */
  short?: string;
  /** What stands for the value in the help, such as "PORT"; an option without one is a switch. */
  value?: string;
  /** All values that there are, if they are few words. */
  words?: readonly string[];
  /** Whether it may be given several times. */
  repeats?: true;
  /** Whether a running program takes another value from its configuration file (docs/configuration.md). */
  reloads?: true;
  /** One line. */
  help: string;
}

/** What a command line said: values by option name, "true" for switches, and the other arguments. */
export interface Arguments {
  /** An option that is not given is not there. */
  options: ReadonlyMap<string, readonly string[]>;
  operands: readonly string[];
}

/**
 * Reads a command line by a table of options.
 *
 * @throws {UsageError} for an unknown option, a missing or superfluous value, or an option given twice
 */
export function readArguments(table: readonly Option[], args: readonly string[]): Arguments {
  const parsed = parseArgs([...spellOut(table, args)], {
    string: table.filter((option) => option.value).map((option) => option.name).concat("_"),
    boolean: table.filter((option) => !option.value).map((option) => option.name),
    collect: table.map((option) => option.name),
  });
  const options = new Map<string, readonly string[]>();
  for (const { name, value, repeats } of table) {
    const given = (parsed[name] as (string | true)[]).map(String);
    if (given.length === 0) continue;
    if (given.length > 1 && !repeats) {
      throw new UsageError(`The option --${name} is given more than once`);
    }
    if (given.includes("")) throw new UsageError(`The option --${name} needs a value: ${value}`);
    options.set(name, given);
  }
  return { options, operands: parsed._.map(String) };
}

/**
 * Spells every option out as "--name=value" or, for a switch, "--name true". On its own parseArgs()
 * takes "-up2002" for a value of -u, any value of a switch for "on", a "false" behind a switch for its
 * value, and "-" for none; and of "--no-qr=true" it makes a "qr".
 */
function* spellOut(table: readonly Option[], args: readonly string[]): Generator<string> {
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") return yield* ["--", ...rest];
    if (arg.startsWith("--")) yield* spellLong(table, arg, rest);
    else if (arg.startsWith("-") && arg !== "-") yield* spellShort(table, arg, rest);
    else yield arg;
  }
}

/** @param rest what follows; a value that stands there is taken from it */
function spellLong(table: readonly Option[], arg: string, rest: string[]): string[] {
  const [name, value] = arg.slice(2).split("=");
  const option = table.find((option) => option.name === name);
  if (option === undefined) throw new UsageError(describeUnknown(table, arg, name!));
  if (option.value) return [value === undefined ? spellValue(option, takeValue(rest)) : arg];
  if (value !== undefined) throw new UsageError(`The option --${name} takes no value`);
  return spellSwitch(option);
}

/** @param name what stands between the dashes and the value of `arg` */
function describeUnknown(table: readonly Option[], arg: string, name: string): string {
  const meant = nearestName(name, table.map((option) => option.name));
  return `Unknown option "${arg}"${meant === undefined ? "" : `: did you mean "--${meant}"?`}`;
}

/** Reads letters as getopt(3) does: switches, and then one that the rest is the value of. */
function* spellShort(table: readonly Option[], arg: string, rest: string[]): Generator<string> {
  for (let i = 1; i < arg.length; i++) {
    const option = table.find(({ short }) => short === arg[i]);
    if (option === undefined) throw new UsageError(`Unknown option "${arg}"`);
    if (option.value) {
      const glued = arg.slice(i + 1).replace(/^=/, "");
      return yield spellValue(option, i + 1 < arg.length ? glued : takeValue(rest));
    }
    yield* spellSwitch(option);
  }
}

/** What looks like an option is one, and not the value of the one before. */
function takeValue(rest: string[]): string | undefined {
  const isOption = rest[0]?.startsWith("-") && rest[0] !== "-";
  return isOption ? undefined : rest.shift();
}

function spellSwitch({ name }: Option): string[] {
  return [`--${name}`, "true"];
}

function spellValue({ name, value }: Option, given: string | undefined): string {
  if (given) return `--${name}=${given}`;
  throw new UsageError(`The option --${name} needs a value: ${value}`);
}
