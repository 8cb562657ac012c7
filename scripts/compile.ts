/**
 * Makes the single-file programs: dist/ARCH/simplevpn-server and dist/ARCH/simplevpn-client for both
 * machines, and in dist/ itself those of this machine.
 *
 *   deno task compile [--arch x86_64|aarch64]
 *
 * Deno downloads its base runtime for each machine. Where it cannot, DENORT_BIN names a file to take
 * instead, which is for one machine: then --arch says which.
 */
import { parseArgs } from "@std/cli/parse-args";
import { compiledFile, PERMISSIONS, type ProgramName, ROOT, TARGETS } from "./program.ts";

const PROGRAMS: readonly ProgramName[] = ["server", "client"];

async function compile(name: ProgramName, arch: string): Promise<void> {
  const file = compiledFile(name, arch);
  console.log(`${file.slice(ROOT.length)} ...`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-prompt",
      // Without this a program that root runs leaves a cache file in /tmp.
      "--no-code-cache",
      ...PERMISSIONS[name],
      `--include=${ROOT}daemon/${name}_worker.ts`,
      `--target=${TARGETS[arch]}`,
      `--output=${file}`,
      `${ROOT}main_${name}.ts`,
    ],
    cwd: ROOT,
  }).output().then(({ success, stderr }) => {
    if (!success) Deno.stderr.writeSync(stderr);
    return { success };
  });
  if (!success) fail(arch);
}

function fail(arch: string): never {
  console.error(
    `compile: Cannot compile for ${arch}; if Deno could not download its base runtime ` +
      `(denort-${TARGETS[arch]}), set DENORT_BIN to a copy of it and give --arch ${arch}`,
  );
  Deno.exit(1);
}

function linkForThisMachine(name: ProgramName): void {
  const link = `${ROOT}dist/simplevpn-${name}`;
  try {
    Deno.removeSync(link);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.linkSync(compiledFile(name), link);
}

const { arch } = parseArgs(Deno.args, { string: ["arch"] });
if (arch !== undefined && TARGETS[String(arch)] === undefined) {
  console.error(`compile: --arch is one of ${Object.keys(TARGETS).join(", ")}, not "${arch}"`);
  Deno.exit(2);
}
if (arch === undefined && Deno.env.has("DENORT_BIN")) {
  console.error("compile: DENORT_BIN is a base for one machine: say which with --arch");
  Deno.exit(2);
}
for (const name of PROGRAMS) {
  for (const target of arch === undefined ? Object.keys(TARGETS) : [String(arch)]) {
    await compile(name, target);
    if (target === Deno.build.arch) linkForThisMachine(name);
  }
}
