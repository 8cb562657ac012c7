import type { Option } from "../config/command_line.ts";

/** Something that a program does when its name stands first. */
export interface CommandDescription {
  /** One or two words. */
  readonly name: string;
  /** What follows the name, such as "NAME [OPTION ...]". */
  readonly usage: string;
  /** One line. */
  readonly help: string;
  readonly options: readonly Option[];
}

/** What a program is, for its help, its manual page and what a shell completes. */
export interface ProgramDescription {
  readonly name: string;
  /** What stands behind the name in a list of programs. */
  readonly summary: string;
  readonly manual: Manual;
  /** The first one is what it does if none is named. */
  readonly commands: readonly CommandDescription[];
}

/** What only the manual page says. */
export interface Manual {
  /** Paragraphs. */
  readonly description: readonly string[];
  /** Each a command line, and what it is for. */
  readonly examples: readonly Term[];
  readonly files: readonly Term[];
  readonly signals: readonly Term[];
}

/** Something, and what is to be said of it. */
export type Term = readonly [term: string, text: string];

/** What every command understands. */
const GENERAL_OPTIONS: readonly Option[] = [
  { name: "help", short: "h", help: "show this help" },
  { name: "version", help: "show the version" },
];

/** A command's options, the general ones among them. */
export function optionsOf({ options }: CommandDescription): readonly Option[] {
  return [...options, ...GENERAL_OPTIONS];
}

/** The words of a command's name: one or two. */
export function wordsOf({ name }: CommandDescription): string[] {
  return name.split(" ");
}

/** The first words of the commands, and under those that have more of them the second ones. */
export function commandTree(
  { commands }: ProgramDescription,
): Map<string, readonly CommandDescription[]> {
  return Map.groupBy(commands, (command) => wordsOf(command)[0]!);
}
