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

/**
 * Joins a program's modules, npm's among them, into one file for each thread. A compiled program
 * otherwise carries whole npm packages, and each of its threads keeps a copy of them in memory.
 */
async function bundle(name: ProgramName, folder: string): Promise<void> {
  const worker = `${name}_worker.ts`;
  const bundled = await deno("bundle", "--quiet", `--output=${folder}main.js`, `main_${name}.ts`) &&
    // The main module asks for the worker's by this name.
    await deno("bundle", "--quiet", `--output=${folder}${worker}`, `daemon/${worker}`);
  if (!bundled) exit(`Cannot bundle simplevpn-${name}`);
}

/** Makes the program for a machine out of its bundles. */
async function compile(name: ProgramName, arch: string, folder: string): Promise<void> {
  const file = compiledFile(name, arch);
  console.log(`${file.slice(ROOT.length)} ...`);
  const compiled = await deno(
    "compile",
    "--quiet",
    "--no-prompt",
    // The bundles need nothing of deno.json, and would get its npm packages embedded; and their types
    // are gone.
    "--no-config",
    "--no-check",
    // Without this a program that root runs leaves a cache file in /tmp.
    "--no-code-cache",
    ...PERMISSIONS,
    `--include=${folder}${name}_worker.ts`,
    `--target=${TARGETS[arch]}`,
    `--output=${file}`,
    `${folder}main.js`,
  );
  if (compiled) return;
  exit(
    `Cannot compile for ${arch}; if Deno could not download its base runtime ` +
      `(denort-${TARGETS[arch]}), set DENORT_BIN to a copy of it and give --arch ${arch}`,
  );
}

async function deno(...args: string[]): Promise<boolean> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  if (!success) Deno.stderr.writeSync(stderr);
  return success;
}

function exit(message: string, status = 1): never {
  console.error(`compile: ${message}`);
  Deno.exit(status);
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
  exit(`--arch is one of ${Object.keys(TARGETS).join(", ")}, not "${arch}"`, 2);
}
if (arch === undefined && Deno.env.has("DENORT_BIN")) {
  exit("DENORT_BIN is a base for one machine: say which with --arch", 2);
}
for (const name of PROGRAMS) {
  const folder = `${await Deno.makeTempDir({ prefix: "simplevpn-compile-" })}/`;
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await bundle(name, folder);
  for (const target of arch === undefined ? Object.keys(TARGETS) : [String(arch)]) {
    await compile(name, target, folder);
    if (target === Deno.build.arch) linkForThisMachine(name);
  }
}
