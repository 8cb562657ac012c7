import { UsageError } from "../lib/config/command_line.ts";
import { oneOf, readOperands } from "../lib/config/values.ts";
import { completions, SHELLS } from "../lib/help/completions.ts";
import { manPage } from "../lib/help/man_page.ts";
import type { Command, Program } from "./program.ts";
import { VERSION } from "./version.ts";

/** The program, and the commands that print what other programs show of it. */
export function withHelpCommands(program: Program): Program {
  const whole: Program = {
    ...program,
    commands: [
      ...program.commands,
      {
        name: "completions",
        usage: SHELLS.join("|"),
        help: "print a script that makes a shell complete command lines",
        options: [],
        run: (args) => {
          const [shell] = readOperands(args, `The shell (${SHELLS.join(", ")})`);
          console.log(completions(whole, shellOf(shell!)).trimEnd());
        },
      },
      {
        name: "man",
        usage: "",
        help: `print the manual page ("${program.name} man | man -l -" shows it)`,
        options: [],
        run: (args) => {
          readOperands(args);
          console.log(manPage(whole, VERSION).trimEnd());
        },
      },
    ] satisfies Command[],
  };
  return whole;
}

function shellOf(text: string): typeof SHELLS[number] {
  try {
    return oneOf(SHELLS)(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
