/**
 * Measures the tunnel against plain veth, and other VPNs, as tables or, with --json, as the `Report` that
 * bench/report.ts describes. See `deno task bench --help`.
 */
import { labObstacle, missingCommands } from "./lab.ts";
import { BenchRun } from "./bench/bench_run.ts";
import { drawChart } from "./bench/chart.ts";
import {
  HELP,
  installCommand,
  neededCommands,
  type Options,
  readOptions,
} from "./bench/options.ts";
import { formatReport, type Missing } from "./bench/report.ts";
import { compiledFile } from "./program.ts";

/** As the shell tells of a program that Ctrl-C ended. */
const INTERRUPTED = 128 + 2;

function fail(message: string, status: number): never {
  console.error(`bench: ${message}`);
  Deno.exit(status);
}

function options(): Options {
  try {
    const read = readOptions(Deno.args, Deno.env.get("SIMPLEVPN_PROGRAMS"));
    if (read !== undefined) return read;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    fail(`${error.message} (try --help)`, 2);
  }
  console.log(HELP);
  Deno.exit(0);
}

/** Why nothing can be measured here. */
async function obstacle(options: Options): Promise<string | undefined> {
  const missing = await missingCommands(neededCommands(options));
  if (missing.length > 0) {
    return `Commands are missing (${missing.join(", ")}): ${installCommand(missing)}`;
  }
  if (options.programs === "compiled") {
    const found = await Promise.all((["server", "client"] as const).map(async (name) => {
      return await Deno.stat(compiledFile(name)).then(() => true, () => false);
    }));
    if (found.includes(false)) return "The programs are not compiled yet: deno task compile";
  }
  const reason = await labObstacle();
  return reason && `Cannot open a lab: ${reason}`;
}

/** Which of the subjects are not installed here. */
async function missingSubjects({ subjects }: Options): Promise<Missing[]> {
  const missing: Missing[] = [];
  for (const { name, installation } of subjects) {
    if (installation === undefined) continue;
    const absent = (await missingCommands(installation.commands)).length > 0;
    if (absent) missing.push({ subject: name, install: installation.install });
  }
  return missing;
}

const given = options();
const reason = await obstacle(given);
if (reason !== undefined) fail(reason, 1);
const missing = await missingSubjects(given);
const subjects = given.subjects.filter(({ name }) => !missing.some((one) => one.subject === name));
if (subjects.length === 0) {
  fail(`Nothing of this is installed: ${missing.map(({ install }) => install).join("; ")}`, 1);
}
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interruption.abort());
}
try {
  const command = ["deno task bench", ...Deno.args].join(" ");
  const run = new BenchRun({ ...given, subjects }, interruption.signal);
  const report = await run.run(command, missing);
  console.log(given.json ? JSON.stringify(report, null, 2) : formatReport(report));
  if (given.svg !== undefined) await Deno.writeTextFile(given.svg, drawChart(report));
  Deno.exit(report.failures.length > 0 ? 1 : 0);
} catch (error) {
  if (interruption.signal.aborted) fail("Interrupted", INTERRUPTED);
  fail((error as Error).message, 1);
}
