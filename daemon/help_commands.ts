import { UsageError } from "../lib/config/command_line.ts";
import { oneOf, readOperands } from "../lib/config/values.ts";
import { completions, type Shell, SHELLS } from "../lib/help/completions.ts";
import { manPage } from "../lib/help/man_page.ts";
import type { Command } from "./program.ts";
import { VERSION } from "./version.ts";

/** The commands that print what other programs show of a program: the same in both. */
export const HELP_COMMANDS: readonly Command[] = [
  {
    name: "completions",
    usage: SHELLS.join("|"),
    help: "print a script that makes a shell complete command lines",
    options: [],
    run: (args, program) => {
      const [shell] = readOperands(args, `The shell (${SHELLS.join(", ")})`);
      console.log(completions(program, shellOf(shell!)).trimEnd());
    },
  },
  {
    name: "man",
    usage: "",
    help: 'print the manual page, which "man -l -" shows',
    options: [],
    run: (args, program) => {
      readOperands(args);
      console.log(manPage(program, VERSION).trimEnd());
    },
  },
];

function shellOf(text: string): Shell {
  try {
    return oneOf(SHELLS)(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
