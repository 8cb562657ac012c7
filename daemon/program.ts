import { type Arguments, readArguments, UsageError } from "../lib/config/command_line.ts";
import { nearestName } from "../lib/config/nearest_name.ts";
import { ConfigError } from "../lib/config/merged_settings.ts";
import { RegistryError } from "../lib/config/registry.ts";
import { commandHelp, programHelp } from "../lib/help/help_text.ts";
import {
  type CommandDescription,
  optionsOf,
  type ProgramDescription,
  wordsOf,
} from "../lib/help/program_description.ts";
import { OsError } from "../ffi/error.ts";
import { Failure } from "./failure.ts";
import { HELP_COMMANDS } from "./help_commands.ts";
import { tellEnd } from "./logging.ts";
import { VERSION } from "./version.ts";

/** A command, and what runs it. */
export interface Command extends CommandDescription {
  /** @param program the one that it is a command of */
  run(args: Arguments, program: Program): Promise<void> | void;
}

/** A program, for its command line and its help. */
export interface Program extends ProgramDescription {
  readonly commands: readonly Command[];
}

/** Exit statuses. */
const FAILED = 1;
const MISUSED = 2;

/**
 * Runs a program from its command line to its end, and ends the process: with status 0, 1 after a
 * failure, 2 after a command line that makes no sense, and then with one line on stderr; after a
 * configuration file that makes no sense with 2 as well, and a line for each fault.
 */
export async function runProgram(program: Program, args: readonly string[]): Promise<never> {
  try {
    await dispatch({ ...program, commands: [...program.commands, ...HELP_COMMANDS] }, args);
    Deno.exit(0);
  } catch (error) {
    const misused = error instanceof UsageError;
    const hint = misused
      ? ` (try "${[program.name, ...commandWords(program, args)].join(" ")} --help")`
      : "";
    const isOfFile = error instanceof ConfigError;
    const lines = isOfFile ? error.complaints : [`${describe(error)}${hint}`];
    for (const line of lines) tellEnd(program.name, line);
    Deno.exit(misused ? MISUSED : FAILED);
  }
}

async function dispatch(program: Program, args: readonly string[]): Promise<void> {
  const named = findCommand(program, args);
  const command = named ?? program.commands[0]!;
  const rest = named ? args.slice(wordsOf(named).length) : args;
  const { options, operands } = readArguments(optionsOf(command), rest);
  if (options.has("help")) {
    return console.log(named ? commandHelp(program, named) : programHelp(program));
  }
  if (options.has("version")) return console.log(`${program.name} ${VERSION}`);
  await command.run({ options, operands }, program);
}

/** The words of the command that a command line names; none if it names none. */
function commandWords({ commands }: Program, args: readonly string[]): string[] {
  const words = [...commands, ...HELP_COMMANDS].map(wordsOf);
  return words.find((words) => words.every((word, i) => word === args[i])) ?? [];
}

/** @throws {UsageError} if the first word begins a command of two words, but the second is wrong */
function findCommand({ commands }: Program, args: readonly string[]): Command | undefined {
  const found = commands.find((command) => wordsOf(command).every((word, i) => word === args[i]));
  if (found !== undefined) return found;
  const others = commands.filter((command) => wordsOf(command)[0] === args[0]);
  if (others.length === 0) rejectMisspelled(commands, args[0]);
  if (others.length === 0 || args.includes("--help") || args.includes("-h")) return undefined;
  const words = others.map((command) => wordsOf(command)[1]);
  throw new UsageError(`Which "${args[0]}" command? It is one of ${words.join(", ")}`);
}

/** @throws {UsageError} if a word is almost a command */
function rejectMisspelled(commands: readonly Command[], word: string | undefined): void {
  if (word === undefined || word.startsWith("-")) return;
  const meant = nearestName(word, commands.map((command) => wordsOf(command)[0]!));
  if (meant === undefined) return;
  throw new UsageError(`There is no command "${word}": did you mean "${meant}"?`);
}

function describe(error: unknown): string {
  if (error instanceof SuppressedError) {
    return `${describe(error.suppressed)}; and when that was undone: ${describe(error.error)}`;
  }
  if (error instanceof Failure || error instanceof UsageError || error instanceof RegistryError) {
    return error.message;
  }
  if (error instanceof OsError) return `Unexpected failure of a system call: ${error.message}`;
  return `Unexpected failure, please report it: ${
    Deno.inspect(error).replaceAll(/\s*\n\s*/g, " | ")
  }`;
}
