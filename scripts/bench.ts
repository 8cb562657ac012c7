/**
 * Measures the tunnel against plain veth, as a table or, with --json, as the `Report` that
 * bench/report.ts describes. See `deno task bench --help`.
 */
import { labObstacle, missingCommands } from "./lab.ts";
import { BenchRun } from "./bench/bench_run.ts";
import {
  HELP,
  installCommand,
  neededCommands,
  type Options,
  readOptions,
} from "./bench/options.ts";
import { formatReport } from "./bench/report.ts";
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

const chosen = options();
const reason = await obstacle(chosen);
if (reason !== undefined) fail(reason, 1);
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interruption.abort());
}
try {
  const command = ["deno task bench", ...Deno.args].join(" ");
  const report = await new BenchRun(chosen, interruption.signal).run(command);
  console.log(chosen.json ? JSON.stringify(report, null, 2) : formatReport(report));
  Deno.exit(0);
} catch (error) {
  if (interruption.signal.aborted) fail("Interrupted", INTERRUPTED);
  fail((error as Error).message, 1);
}
