import { effectiveUser } from "../ffi/ownership.ts";
import type { HookSettings } from "../lib/config/common_settings.ts";
import { plain, type Variables } from "../lib/config/hook_variables.ts";
import { Failure } from "./failure.ts";
import type { HookQueue } from "./hook_queue.ts";
import { log } from "./logging.ts";
import { runCommand } from "./run_command.ts";

/** Lines of a program's output that are logged, and characters of each. */
const LINES_MOST = 50;
const LINE_LENGTH_MOST = 300;

/** Bits of a mode: somebody may run it; everybody may write it; only owners may remove files of theirs. */
const RUN = 0o111;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
const ROOT = 0;

/** @throws {Failure} if a program that is to be run at an event cannot be */
export function checkHooks({ up, down, onConnect, onDisconnect }: HookSettings): void {
  const programs = { up, down, "on-connect": onConnect, "on-disconnect": onDisconnect };
  for (const [option, program] of Object.entries(programs)) {
    if (program !== undefined) checkHook(option, program);
  }
}

/**
 * Checks a program that is to be run at an event.
 *
 * @param option the option that names it
 * @throws {Failure} if it is none that can be run, or one that other users could put another in place of
 */
export function checkHook(option: string, path: string): void {
  try {
    // What may be a link's name leads to is what counts.
    const real = Deno.realPathSync(path);
    const { isFile, mode, uid } = Deno.statSync(real);
    if (!isFile) throw new Error("it is no file");
    if ((mode! & RUN) === 0) throw new Error("it is not executable (chmod +x)");
    if (!isTrusted(uid)) throw new Error("it belongs to another user");
    checkFormat(real);
    if ((mode! & OTHERS_WRITE) !== 0) throw new Error("every user could change it (chmod o-w it)");
    foldersAbove(real).forEach(checkFolder);
  } catch (error) {
    throw new Failure(`Cannot use --${option} ${path}: ${(error as Error).message}`);
  }
}

/** What a program, and a script that names its interpreter, begins with (fs/binfmt_elf.c, fs/binfmt_script.c). */
const FORMATS = ["\x7fELF", "#!"];

/** @throws {Error} if it is a file that the kernel does not run, of which execvp(3) then makes a shell's script */
function checkFormat(path: string): void {
  using file = openIfAllowed(path);
  if (file === undefined) return;
  const bytes = new Uint8Array(4);
  const length = file.readSync(bytes) ?? 0;
  const start = String.fromCharCode(...bytes.subarray(0, length));
  if (FORMATS.some((format) => start.startsWith(format))) return;
  throw new Error('it is no program, and a script begins with a line such as "#!/bin/sh"');
}

/** Who may run a file may not be allowed to read it. */
function openIfAllowed(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** @throws {Error} if other users could put another program in the place of one that is in the folder */
function checkFolder(path: string): void {
  const { mode, uid } = Deno.statSync(path);
  if (!isTrusted(uid)) throw new Error(`the folder ${path} belongs to another user`);
  if ((mode! & (OTHERS_WRITE | STICKY)) !== OTHERS_WRITE) return;
  throw new Error(`every user could change it (chmod o-w the folder ${path})`);
}

function isTrusted(uid: number | null): boolean {
  return uid === ROOT || uid === effectiveUser();
}

/** All folders that a path leads through, the innermost first. */
function foldersAbove(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return ["/", ...parts.map((_, i) => `/${parts.slice(0, i + 1).join("/")}`)].toReversed();
}

/** Milliseconds that hooks can take at a program's end: those that still run then, and `--down`. */
export function endTimeOf({ timeout, ...programs }: HookSettings): number {
  return Object.values(programs).some((program) => program !== undefined) ? 2 * timeout : 0;
}

/**
 * Runs a program with these variables in its environment, and logs what it prints, and a failure.
 *
 * @param timeout milliseconds after which it is killed, with all that it started
 */
export async function runHook(
  program: string,
  variables: Variables,
  timeout: number,
): Promise<void> {
  const given = Object.entries(variables).filter(([, value]) => value !== undefined);
  const env = Object.fromEntries(given) as Record<string, string>;
  const name = `${program} (${env.SIMPLEVPN_EVENT})`;
  try {
    const { code, stdout, stderr } = await runCommand([program], { env, timeout });
    tellOutput(name, `${stdout}\n${stderr}`);
    if (code === 0) log.debug("{name} is done", { name });
    else log.warn("{name} ended with status {code}", { name, code });
  } catch (error) {
    log.warn("{name} failed: {reason}", { name, reason: plain((error as Error).message) });
  }
}

/** Waits for hooks that still run, for as long as one may take. */
export async function finishHooks(queue: HookQueue): Promise<void> {
  const left = await queue.finish();
  if (left > 0) log.warn("{left} programs (hooks) were not run: there was no time left", { left });
}

function tellOutput(name: string, output: string): void {
  const lines = output.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  for (const line of lines.slice(0, LINES_MOST)) {
    log.info("{name}: {line}", { name, line: plain(line.slice(0, LINE_LENGTH_MOST)) });
  }
  if (lines.length <= LINES_MOST) return;
  log.info("{name}: {count} more lines", { name, count: lines.length - LINES_MOST });
}
