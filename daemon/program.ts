import {
  describeOptions,
  type Option,
  readArguments,
  UsageError,
} from "../lib/config/command_line.ts";
import type { Arguments } from "../lib/config/command_line.ts";
import { OsError } from "../ffi/error.ts";
import project from "../deno.json" with { type: "json" };
import { Failure } from "./failure.ts";
import { tellEnd } from "./logging.ts";

/** Something that a program does when its name is the first argument. */
export interface Command {
  name: string;
  /** One line. */
  help: string;
  run(args: Arguments): Promise<void>;
}

/** What a program is, for its command line and its help. */
export interface Program {
  name: string;
  /** One sentence. */
  summary: string;
  /** Lines that show how to call it. */
  usage: readonly string[];
  options: readonly Option[];
  /** The first one is the default. */
  commands: readonly Command[];
}

/** Exit statuses. */
const FAILED = 1;
const MISUSED = 2;

/**
 * Runs a program from its command line to its end, and ends the process: with status 0, 1 after a
 * failure, 2 after a command line that makes no sense, and then with one line on stderr.
 */
export async function runProgram(program: Program, args: readonly string[]): Promise<never> {
  try {
    await dispatch(program, args);
    Deno.exit(0);
  } catch (error) {
    const misused = error instanceof UsageError;
    const hint = misused ? ` (try "${program.name} --help")` : "";
    tellEnd(program.name, `${describe(error)}${hint}`);
    Deno.exit(misused ? MISUSED : FAILED);
  }
}

async function dispatch(program: Program, args: readonly string[]): Promise<void> {
  const { options, operands } = readArguments(program.options, args);
  if (options.has("help")) return console.log(helpText(program));
  if (options.has("version")) return console.log(`${program.name} ${project.version}`);
  const named = program.commands.find(({ name }) => name === operands[0]);
  const command = named ?? program.commands[0]!;
  await command.run({ options, operands: named ? operands.slice(1) : operands });
}

function helpText(program: Program): string {
  const width = Math.max(...program.commands.map(({ name }) => name.length));
  return [
    `${program.name}: ${program.summary}`,
    "",
    "Usage:",
    ...program.usage.map((line) => `  ${line}`),
    "",
    "Commands:",
    ...program.commands.map(({ name, help }) => `  ${name.padEnd(width)}  ${help}`),
    "",
    "Options:",
    describeOptions(program.options),
  ].join("\n");
}

function describe(error: unknown): string {
  if (error instanceof Failure || error instanceof UsageError) return error.message;
  if (error instanceof OsError) return `Unexpected failure of a system call: ${error.message}`;
  return `Unexpected failure, please report it: ${
    Deno.inspect(error).replaceAll(/\s*\n\s*/g, " | ")
  }`;
}
