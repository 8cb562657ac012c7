import type { Finding, Level } from "./finding.ts";

/** Version of the JSON form; members may be added without a new one. */
const VERSION = 1;

/** What stands in front of a finding. */
const WORDS: Readonly<Record<Level, string>> = {
  ok: "ok",
  note: "note",
  warning: "warning",
  fault: "FAULT",
};

const WORD_WIDTH = Math.max(...Object.values(WORDS).map(({ length }) => length));
const CHECK_WIDTH = 14;

/** The findings as lines: one for each, and up to two more that say why and what to do. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings.map(formatFinding).join("\n");
}

function formatFinding({ check, level, what, why, mend }: Finding): string {
  const indent = " ".repeat(WORD_WIDTH + 2 + CHECK_WIDTH + 2);
  return [
    `${WORDS[level].padEnd(WORD_WIDTH)}  ${check.padEnd(CHECK_WIDTH)}  ${printable(what)}`,
    ...why === undefined ? [] : [`${indent}why: ${printable(why)}`],
    ...mend === undefined ? [] : [`${indent}do:  ${printable(mend)}`],
  ].join("\n");
}

/** One sentence about all of them. */
export function summarize(findings: readonly Finding[]): string {
  const [faults, warnings] = (["fault", "warning"] as const).map((level) =>
    findings.filter((finding) => finding.level === level).length
  );
  if (faults === 0 && warnings === 0) return "Nothing is wrong as far as can be told from here";
  return `${count(faults!, "fault")}, ${count(warnings!, "warning")}`;
}

/** The findings as JSON, for programs. */
export function formatJson(program: string, findings: readonly Finding[]): string {
  const faults = findings.filter(({ level }) => level === "fault").length;
  const shown = findings.map(({ check, level, what, why, mend }) => ({
    ...{ check, level, what: printable(what) },
    ...why === undefined ? {} : { why: printable(why) },
    ...mend === undefined ? {} : { mend: printable(mend) },
  }));
  return JSON.stringify({ version: VERSION, program, faults, findings: shown }, null, 2);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Names and messages come from elsewhere: nothing in them may move a terminal's cursor. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}
