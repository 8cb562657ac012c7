import type { Option } from "../config/command_line.ts";
import {
  type CommandDescription,
  optionsOf,
  type ProgramDescription,
} from "./program_description.ts";

/** What `--help` says of a program. */
export function programHelp({ name, summary, commands }: ProgramDescription): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    `${name}: ${summary}`,
    "",
    "Usage:",
    ...commands.map((command, i) =>
      `  ${name} ${i === 0 ? `[${command.name}]` : command.name} ${command.usage}`.trimEnd()
    ),
    "",
    "Commands:",
    ...commands.map(({ name, help }) => `  ${name.padEnd(width)}  ${help}`),
    "",
    `Options of "${commands[0]!.name}" (those of another: COMMAND --help):`,
    describeOptions(optionsOf(commands[0]!)),
  ].join("\n");
}

/** What `COMMAND --help` says. */
export function commandHelp(program: ProgramDescription, command: CommandDescription): string {
  const { name, usage, help } = command;
  return [
    `${program.name} ${name}: ${help}`,
    "",
    "Usage:",
    `  ${program.name} ${name} ${usage}`.trimEnd(),
    "",
    "Options:",
    describeOptions(optionsOf(command)),
  ].join("\n");
}

/** The lines that describe options, aligned. */
export function describeOptions(table: readonly Option[]): string {
  const rows = table.map(({ name, short, value, help }) => ({
    left: `  ${short ? `-${short},` : "   "} --${name}${value ? ` ${value}` : ""}`,
    help,
  }));
  const width = Math.max(...rows.map(({ left }) => left.length));
  return rows.map(({ left, help }) => `${left.padEnd(width)}  ${help}`).join("\n");
}
