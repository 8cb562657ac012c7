import type { Arguments } from "../../lib/config/command_line.ts";
import { isGiven } from "../../lib/config/values.ts";
import type { Finding } from "../../lib/doctor/finding.ts";
import { formatFindings, formatJson, summarize } from "../../lib/doctor/report.ts";
import { Failure } from "../failure.ts";

/** Prints what was found. @throws {Failure} if there is a fault, which makes the exit status 1 */
export function tellFindings(
  program: string,
  args: Arguments,
  findings: readonly Finding[],
): void {
  const isJson = isGiven(args, "json");
  console.log(isJson ? formatJson(program, findings) : formatFindings(findings));
  const summary = summarize(findings);
  if (findings.some(({ level }) => level === "fault")) throw new Failure(summary);
  if (!isJson) console.log(`\n${summary}`);
}
