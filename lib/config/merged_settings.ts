/** Settings from two places at once: a command line, and a configuration file. */
import { type Arguments, type Option, UsageError } from "./command_line.ts";
import type { ConfigFile } from "./config_file.ts";

/** A configuration file that makes no sense, by itself or together with the command line. */
export class ConfigError extends UsageError {
  override readonly name = "ConfigError";
  /** One sentence for each fault, those of the file by their lines. */
  readonly complaints: readonly string[];

  constructor(complaints: readonly string[]) {
    super(complaints.join("\n"));
    this.complaints = complaints;
  }
}

/** What both say together: an option of the command line stands in place of the file's. */
export function mergeArguments(commandLine: Arguments, file: ConfigFile): Arguments {
  const options = new Map([...file.options, ...commandLine.options]);
  return { options, operands: commandLine.operands };
}

/**
 * Checks a configuration file as a whole, together with the command line.
 *
 * @param read reads settings from what both say; throws a UsageError
 * @throws {ConfigError} that tells all faults
 */
export function checkConfigFile(
  read: (args: Arguments) => unknown,
  commandLine: Arguments,
  file: ConfigFile,
): void {
  const isFromFile = (name: string): boolean =>
    file.lines.has(name) && !commandLine.options.has(name);
  const complaints: { line: number; text: string }[] = [...file.complaints];
  const { options, operands } = mergeArguments(commandLine, file);
  const rest = new Map(options);
  // Complaints that follow from others are no help: of a value that is wrong there is one.
  const doubtful = new Set(file.complaints.flatMap(({ key }) => key ?? []));
  for (;;) {
    const error = failureOf(() => read({ options: rest, operands }));
    if (error === undefined) break;
    const { about } = error;
    if (!about.some((name) => doubtful.has(name))) {
      complaints.push(locate(error, about.filter(isFromFile).map((name) => file.lines.get(name)!)));
    }
    for (const name of about) doubtful.add(name);
    const removed = about.filter((name) => rest.delete(name));
    if (removed.length === 0) break;
  }
  if (complaints.length === 0) return;
  throw new ConfigError(
    complaints
      .toSorted((a, b) => a.line < b.line ? -1 : Number(a.line > b.line))
      .map(({ line, text }) => line === Infinity ? text : `${file.name}:${line}: ${text}`),
  );
}

function failureOf(read: () => unknown): UsageError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

/** @param lines those of the options that it is about, of which there may be none in the file */
function locate({ message }: UsageError, lines: readonly number[]): { line: number; text: string } {
  const [line, ...others] = lines.toSorted((a, b) => a - b);
  if (line === undefined) return { line: Infinity, text: message };
  // An option's name that the sentence begins with is a key here.
  const text = message.replace(/^--(?=[a-z0-9-]+: )/, "");
  return { line, text: others.length > 0 ? `${text} (see line ${others.join(", ")})` : text };
}

/** Names of the options that two command lines say different things about, in the order of the table. */
export function differences(
  table: readonly Option[],
  one: Arguments,
  other: Arguments,
): string[] {
  const valueOf = ({ options }: Arguments, name: string): string =>
    JSON.stringify(options.get(name) ?? []);
  return table.map(({ name }) => name).filter((name) =>
    valueOf(one, name) !== valueOf(other, name)
  );
}

/** What a running program is to go by: what it was started with, but for the options that can change. */
export function takeReloads(
  table: readonly Option[],
  started: Arguments,
  now: Arguments,
): Arguments {
  const reloads = new Set(table.filter((option) => option.reloads).map(({ name }) => name));
  const options = new Map([
    ...[...started.options].filter(([name]) => !reloads.has(name)),
    ...[...now.options].filter(([name]) => reloads.has(name)),
  ]);
  return { options, operands: started.operands };
}
