/**
 * What shells complete, as scripts for them. Everything that is in a script comes from the program's own
 * tables, and is quoted for its shell all the same.
 */
import type { Option } from "../config/command_line.ts";
import {
  type CommandDescription,
  commandTree,
  optionsOf,
  type ProgramDescription,
  wordsOf,
} from "./program_description.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = typeof SHELLS[number];

/** A script that makes a shell complete the program's command lines. */
export function completions(program: ProgramDescription, shell: Shell): string {
  const lines = { bash: bashLines, zsh: zshLines, fish: fishLines }[shell](program);
  return `${lines.join("\n")}\n`;
}

/** What a value is, as far as a shell can help with it. */
type ValueKind = "files" | "folders" | "words" | "other";

function kindOf({ value, words }: Option): ValueKind {
  if (words !== undefined) return "words";
  if (value === "DIR") return "folders";
  return value === "FILE" || value === "PROGRAM" ? "files" : "other";
}

/** Whether files are what a command is given. */
function takesFile({ usage }: CommandDescription): boolean {
  return /\bFILE\b/.test(usage) && !/[<>]/.test(usage);
}

function names({ name, short }: Option): string[] {
  return [...short ? [`-${short}`] : [], `--${name}`];
}

/** Text between single quotes, for bash and zsh, which take everything between them as it is. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function functionName({ name }: ProgramDescription): string {
  return `_${name.replaceAll("-", "_")}`;
}

/** Bash's own documentation is "Programmable Completion" in bash(1). */
function bashLines(program: ProgramDescription): string[] {
  const { name, commands } = program;
  const tree = commandTree(program);
  const families = [...tree].filter(([_, members]) => wordsOf(members[0]!).length > 1);
  const options = new Map(commands.flatMap(optionsOf).map((option) => [option.name, option]));
  return [
    `# Completion of ${name} for bash: made by "${name} completions bash"`,
    `${functionName(program)}() {`,
    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}",
    "  # Bash makes three words of --name=value.",
    "  if [[ $current == = ]]; then current=; elif [[ $previous == = ]]; then",
    "    previous=${COMP_WORDS[COMP_CWORD - 2]}",
    "  fi",
    "  local command=${COMP_WORDS[1]} words=",
    ...families.flatMap(([first, members]) => [
      `  if [[ $command == ${quote(first)} ]]; then`,
      '    command="$command ${COMP_WORDS[2]}"',
      `    (( COMP_CWORD == 2 )) && words=${quote(secondWords(members).join(" "))}`,
      "  fi",
    ]),
    "  case $previous in",
    ...[...options.values()].filter(({ value }) => value !== undefined).map((option) =>
      `    ${names(option).join("|")}) ${BASH_VALUES[kindOf(option)](option)}; return ;;`
    ),
    "  esac",
    "  if [[ -z $words ]]; then",
    "    case $command in",
    ...commands.slice(1).map((command) => `      ${bashCase(command)}`),
    `      *) words=${quote(optionWords(commands[0]!))} ;;`,
    "    esac",
    "    # Options are many: they come when a dash says that one is wanted.",
    `    (( COMP_CWORD == 1 )) && [[ $current != -* ]] && words=${
      quote([...tree.keys()].join(" "))
    }`,
    "  fi",
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
    "}",
    `complete -F ${functionName(program)} ${name}`,
  ];
}

function bashCase(command: CommandDescription): string {
  const files = takesFile(command) ? ` ${BASH_FILES("f")}; [[ $current != -* ]] && return` : "";
  return `${quote(command.name)})${files && `${files};`} words=${quote(optionWords(command))} ;;`;
}

const BASH_FILES = (action: "d" | "f"): string =>
  `compopt -o filenames; mapfile -t COMPREPLY < <(compgen -${action} -- "$current")`;

const BASH_VALUES: Readonly<Record<ValueKind, (option: Option) => string>> = {
  files: () => BASH_FILES("f"),
  folders: () => BASH_FILES("d"),
  words: ({ words }) =>
    `mapfile -t COMPREPLY < <(compgen -W ${quote(words!.join(" "))} -- "$current")`,
  other: () => ":",
};

function optionWords(command: CommandDescription): string {
  return optionsOf(command).flatMap(names).join(" ");
}

function secondWords(members: readonly CommandDescription[]): string[] {
  return members.map((member) => wordsOf(member)[1]!);
}

/** zsh's own documentation is zshcompsys(1). */
function zshLines(program: ProgramDescription): string[] {
  const { name, commands } = program;
  const tree = [...commandTree(program)];
  const families = tree.filter(([_, members]) => wordsOf(members[0]!).length > 1);
  return [
    `#compdef ${name}`,
    `# Completion of ${name} for zsh: made by "${name} completions zsh"`,
    `${functionName(program)}() {`,
    "  local -a commands",
    "  local command=$words[2]",
    "  if (( CURRENT == 2 )); then",
    `    commands=(${tree.map(([first, [one]]) => zshItem(first, one!.help)).join(" ")})`,
    "    _describe -t commands command commands",
    "  fi",
    ...families.flatMap(([first, members]) => [
      `  if [[ $command == ${quote(first)} ]]; then`,
      "    if (( CURRENT == 3 )); then",
      `      commands=(${
        members.map((member) => zshItem(wordsOf(member)[1]!, member.help)).join(" ")
      })`,
      "      _describe -t commands command commands",
      "      return",
      "    fi",
      '    command="$command $words[3]"',
      "    shift words; (( CURRENT-- ))",
      "  fi",
    ]),
    "  case $command in",
    ...commands.map((command) =>
      `    ${quote(command.name)}) shift words; (( CURRENT-- )); ${zshArguments(command)} ;;`
    ),
    `    *) ${zshArguments(commands[0]!)} ;;`,
    "  esac",
    "}",
    `if [[ $funcstack[1] == ${functionName(program)} ]]; then ${functionName(program)} "$@"; else`,
    `  compdef ${functionName(program)} ${name}`,
    "fi",
  ];
}

function zshItem(word: string, help: string): string {
  return quote(`${word}:${help}`);
}

function zshArguments(command: CommandDescription): string {
  const specs = optionsOf(command).map(zshOption);
  // Without a word on operands, options behind one are not completed.
  const operands = quote(takesFile(command) ? "*:FILE:_files" : "*: : ");
  return ["_arguments -s -S", ...specs, operands].join(" ");
}

function zshOption(option: Option): string {
  const { value, repeats, help } = option;
  const own = names(option);
  const text = help.replaceAll(/[\[\]\\:]/g, "\\$&");
  const given = value === undefined ? "" : `:${value}:${zshValues(option)}`;
  const prefix = repeats ? "*" : own.length > 1 ? `(${own.join(" ")})` : "";
  const spelled = own.length > 1 ? `{${own.join(",")}}` : quote(own[0]!);
  return `${quote(prefix)}${spelled}${quote(`[${text}]${given}`)}`;
}

function zshValues(option: Option): string {
  switch (kindOf(option)) {
    case "files":
      return "_files";
    case "folders":
      return "_files -/";
    case "words":
      return `(${option.words!.join(" ")})`;
    case "other":
      return " ";
  }
}

/** fish's own documentation is complete(1) and its __fish_seen_subcommand_from. */
function fishLines(program: ProgramDescription): string[] {
  const { name, commands } = program;
  const tree = [...commandTree(program)];
  const seen = (...words: string[]): string => `__fish_seen_subcommand_from ${words.join(" ")}`;
  const complete = `complete -c ${name}`;
  const lines = [
    `# Completion of ${name} for fish: made by "${name} completions fish"`,
    `${complete} -f`,
  ];
  for (const [first, members] of tree) {
    lines.push(
      `${complete} -n __fish_use_subcommand -a ${first} -d ${fishQuote(members[0]!.help)}`,
    );
    if (wordsOf(members[0]!).length === 1) continue;
    const others = `${seen(first)}; and not ${seen(...secondWords(members))}`;
    for (const member of members) {
      lines.push(
        `${complete} -n '${others}' -a ${wordsOf(member)[1]} -d ${fishQuote(member.help)}`,
      );
    }
  }
  const named = tree.map(([first]) => first).filter((first) => first !== commands[0]!.name);
  for (const [i, command] of commands.entries()) {
    const condition = i === 0 ? `not ${seen(...named)}` : wordsOf(command).map((word) => seen(word))
      .join("; and ");
    for (const option of optionsOf(command)) {
      lines.push(`${complete} -n '${condition}' ${fishOption(option)}`);
    }
    if (takesFile(command)) lines.push(`${complete} -n '${condition}' -F`);
  }
  return lines;
}

function fishOption(option: Option): string {
  const { name, short, help } = option;
  const value = { files: "-r -F", folders: "-x -a '(__fish_complete_directories)'" } as const;
  const kind = kindOf(option);
  const given = option.value === undefined
    ? []
    : kind === "words"
    ? [`-x -a ${fishQuote(option.words!.join(" "))}`]
    : [kind === "other" ? "-x" : value[kind]];
  return [`-l ${name}`, ...short ? [`-s ${short}`] : [], ...given, `-d ${fishQuote(help)}`]
    .join(" ");
}

/** Between single quotes fish knows \' and \\ alone. */
function fishQuote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
