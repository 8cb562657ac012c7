/** Where the statements of a TOML document begin: what `@std/toml` does not tell. */

/** One key with its value, or one table's header. */
export interface Statement {
  /** The line that it begins on, from 1. */
  line: number;
  /** All of it, with a comment behind it if there is one. */
  text: string;
  /** How many equals signs it has outside of strings and lists: 1 for a key with its value. */
  assignments: number;
}

/**
 * What a line break can hide in, and what it can be outside of (toml.io, "String", "Comment", "Array").
 * A string that is not closed ends with its line, or with the document if it is one of several lines.
 */
const TOKENS = [
  String.raw`"""(?:\\[^]|(?!""")[^\\])*(?:"{3,5}|\\?$)`,
  String.raw`'''(?:(?!''')[^])*(?:'{3,5}|$)`,
  String.raw`"(?:\\[^\n]|[^"\\\n])*"?`,
  String.raw`'[^'\n]*'?`,
  String.raw`#[^\n]*`,
  String.raw`[^"'#=\[\]\n]+`,
  "[^]",
];

/**
 * Splits a document into its statements. What is no TOML is in one of them, so that whoever parses each by
 * itself finds the same faults as in the whole.
 */
export function* statementsOf(document: string): Generator<Statement> {
  let [line, next, depth] = [1, 1, 0];
  let [text, assignments] = ["", 0];
  for (const [token] of document.matchAll(new RegExp(TOKENS.join("|"), "g"))) {
    if (token === "[") depth++;
    else if (token === "]") depth--;
    else if (token === "=" && depth === 0) assignments++;
    next += token.split("\n").length - 1;
    if (token !== "\n" || depth > 0) {
      text += token;
      continue;
    }
    if (!isEmpty(text)) yield { line, text, assignments };
    [line, depth, text, assignments] = [next, 0, "", 0];
  }
  if (!isEmpty(text)) yield { line, text, assignments };
}

function isEmpty(text: string): boolean {
  return /^[ \t\r]*(?:#|$)/.test(text);
}
