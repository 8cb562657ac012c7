/** Manual pages, in the macros of man(7). */
import type { Option } from "../config/command_line.ts";
import {
  type CommandDescription,
  optionsOf,
  type ProgramDescription,
  type Term,
} from "./program_description.ts";

/** Section of the manual: programs that only root can make full use of (man(1)). */
const SECTION = 8;

const EXIT_STATUS: readonly Term[] = [
  ["0", "It did what it was asked to, or was stopped by a signal."],
  ["1", "It failed; stderr says why."],
  ["2", "The command line makes no sense, or a configuration file does not."],
];

/** A program's manual page. */
export function manPage(program: ProgramDescription, version: string): string {
  const { name, summary, manual, commands } = program;
  const other = name.endsWith("server") ? "client" : "server";
  return [
    `.TH ${escape(name.toUpperCase())} ${SECTION} "" "simplevpn ${escape(version)}"`,
    ...section("NAME", [escape(`${name} - ${summary}`)]),
    ...section("SYNOPSIS", commands.flatMap((command, i) => synopsis(name, command, i === 0))),
    ...section("DESCRIPTION", paragraphs(manual.description)),
    ...section("COMMANDS", commands.flatMap((command) => describeCommand(command))),
    ...section("EXIT STATUS", EXIT_STATUS.flatMap(describeTerm)),
    ...section("SIGNALS", manual.signals.flatMap(describeTerm)),
    ...section("FILES", manual.files.flatMap(describeTerm)),
    ...section("EXAMPLES", manual.examples.flatMap(describeTerm)),
    ...section("SEE ALSO", [`.BR simplevpn\\-${other} (${SECTION})`]),
    "",
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

function synopsis(
  program: string,
  { name, usage }: CommandDescription,
  isDefault: boolean,
): string[] {
  const command = isDefault ? `[\\fB${escape(name)}\\fR]` : `\\fB${escape(name)}\\fR`;
  return [".PP", `\\fB${escape(program)}\\fR ${command} ${escape(usage)}`.trimEnd()];
}

function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((text) => [".PP", escape(text)]);
}

function describeCommand(command: CommandDescription): string[] {
  return [
    `.SS ${escape(command.name)}`,
    escape(sentence(command.help)),
    ...optionsOf(command).flatMap(describeOption),
  ];
}

function describeOption({ name, short, value, help }: Option): string[] {
  const names = [...short ? [`-${short}`] : [], `--${name}`].map((it) => `\\fB${escape(it)}\\fR`);
  const term = names.join(", ") + (value ? ` \\fI${escape(value)}\\fR` : "");
  return [".TP", term, escape(sentence(help))];
}

function describeTerm([term, text]: Term): string[] {
  return [".TP", `\\fB${escape(term)}\\fR`, escape(text)];
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** Text that stands for itself wherever it stands in a line (groff_char(7), groff(7)). */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&")
    .replaceAll('"', "\\(dq").replaceAll("~", "\\(ti").replaceAll("^", "\\(ha");
}
