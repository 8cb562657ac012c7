/** Configuration files: TOML, with a program's long options as keys. */
import { parse } from "@std/toml/parse";
import type { Option } from "./command_line.ts";
import { nearestName } from "./nearest_name.ts";
import { CONFIG } from "./common_options.ts";
import { type Statement, statementsOf } from "./toml_statements.ts";

/** Something that is wrong with a file. */
export interface Complaint {
  /** From 1. */
  line: number;
  /** The option that it is about, if that is known. */
  key: string | undefined;
  text: string;
}

/** What a configuration file says. */
export interface ConfigFile {
  /** As the person calls it. */
  name: string;
  /** As in Arguments: what a command line with these options would say. */
  options: ReadonlyMap<string, readonly string[]>;
  /** The lines, from 1, of the keys of options, right or wrong. */
  lines: ReadonlyMap<string, number>;
  complaints: readonly Complaint[];
}

/** The options that are keys of a file. */
export function keysOf(table: readonly Option[]): readonly Option[] {
  return table.filter(({ name }) => name !== CONFIG);
}

/**
 * Reads a configuration file by the table of options of the command that it is for. Nothing is thrown:
 * each fault is a complaint, and the rest is read on.
 */
export function readConfigFile(table: readonly Option[], text: string, name: string): ConfigFile {
  const keys = new Map(keysOf(table).map((option) => [option.name, option]));
  const options = new Map<string, readonly string[]>();
  const lines = new Map<string, number>();
  const complaints: Complaint[] = [];
  // Files from Windows end their lines so, which is the same in TOML.
  for (const statement of statementsOf(text.replaceAll("\r\n", "\n"))) {
    let key: string | undefined;
    try {
      const [name, value] = parseStatement(statement);
      const option = keys.get(name);
      if (option === undefined) throw new SyntaxError(describeUnknown(name, [...keys.keys()]));
      key = name;
      const first = lines.get(key);
      if (first !== undefined) throw new SyntaxError(`${key}: it is on line ${first} already`);
      lines.set(key, statement.line);
      const values = valuesOf(option, value);
      if (values.length > 0) options.set(key, values);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      complaints.push({ line: statement.line, key, text: error.message });
    }
  }
  return { name, options, lines, complaints };
}

/** @throws {SyntaxError} */
function parseStatement({ text, assignments }: Statement): [key: string, value: unknown] {
  const [entry, another] = Object.entries(parseToml(text));
  if (/^\s*\[/.test(text)) {
    throw new SyntaxError(
      `${
        quoted(text.split("#")[0]!.trim())
      }: there are no tables here, only keys with their values`,
    );
  }
  if (entry !== undefined && another === undefined && assignments === 1) return entry;
  throw new SyntaxError("Write one key and its value on each line");
}

function parseToml(text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    throw new SyntaxError(describeFault((error as Error).message));
  }
}

/**
 * What the parser says, in one line, and without what it repeats of the file: that could be a secret, and
 * places that it names are not the file's.
 */
function describeFault(message: string): string {
  const fault = message
    .replace(/^(?:Parse error on line \d+, column \d+: )+/, "")
    .replace(/(?: on line '| at position '|:?\n)[^]*$/, "");
  const isBare = /^(?:Cannot parse value|Unexpected character|Array is not closed)/.test(fault);
  return `No TOML: ${escaped(fault)}${isBare ? " (text stands in quotes)" : ""}`;
}

function describeUnknown(key: string, known: readonly string[]): string {
  const meant = nearestName(key, known);
  return `Unknown key ${quoted(key)}${meant === undefined ? "" : `: did you mean "${meant}"?`}`;
}

/** A value of a key as the values of an option. @throws {SyntaxError} if it is of the wrong type */
function valuesOf(option: Option, value: unknown): string[] {
  const { name, value: placeholder, repeats } = option;
  if (!placeholder) {
    if (typeof value === "boolean") return value ? ["true"] : [];
    throw new SyntaxError(`${name}: this is ${typeName(value)}, not true or false`);
  }
  const values: unknown[] = repeats && Array.isArray(value) ? value : [value];
  return values.map((value) => {
    const isValue = typeof value === "string" || typeof value === "number";
    if (!isValue) {
      const wanted = repeats ? "text, or a list of texts" : `text or a number (${placeholder})`;
      throw new SyntaxError(`${name}: this is ${typeName(value)}, not ${wanted}`);
    }
    const text = String(value);
    if (text === "") throw new SyntaxError(`${name}: it needs a value: ${placeholder}`);
    if (/\p{Cc}/u.test(text)) {
      throw new SyntaxError(`${name}: there is a control character in the value`);
    }
    return text;
  });
}

function typeName(value: unknown): string {
  if (typeof value === "string") return "text";
  if (typeof value === "number") return "a number";
  if (typeof value === "boolean") return `${value}`;
  if (Array.isArray(value)) return "a list";
  return value instanceof Date ? "a date" : "a table";
}

/** Characters of a name from a file that are repeated at the most. */
const QUOTED_MOST = 40;

function quoted(text: string): string {
  return `"${escaped(text.slice(0, QUOTED_MOST))}"`;
}

/** Without what a terminal might take for a command. */
function escaped(text: string): string {
  return text.replaceAll(
    /\p{Cc}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
