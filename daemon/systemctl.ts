import { effectiveUser } from "../ffi/ownership.ts";
import { printable } from "../lib/status/format.ts";
import { Failure } from "./failure.ts";
import { runCommand } from "./run_command.ts";
import { exists } from "./service_files.ts";

/** A service has this long to start or end; systemd itself waits for 90 s. */
const TIMEOUT = 120_000;

/** Is there if systemd runs this machine (sd_booted(3)). */
const BOOTED = "/run/systemd/system";

/**
 * Checks that services of this machine can be changed; another root needs nothing.
 *
 * @throws {Failure} that says what to do instead
 */
export function checkMayManage(program: string, root: string | undefined): void {
  if (root !== undefined) {
    if (root.startsWith("/") && exists(root)) return;
    throw new Failure(`There is no folder ${root}: --root DIR is one by its whole path`);
  }
  if (effectiveUser() !== 0) {
    throw new Failure("Only root can change services: run this with sudo");
  }
  if (exists(BOOTED)) return;
  throw new Failure(
    `systemd does not run this machine: let whatever does so start ${program} as root, and again ` +
      "when it ends; --root DIR writes the unit into another machine's files",
  );
}

/** Runs systemctl(1). @throws {Failure} with what it said */
export async function systemctl(...words: string[]): Promise<void> {
  console.log(`systemctl ${words.join(" ")}`);
  const { code, stderr } = await runCommand(["systemctl", ...words], { timeout: TIMEOUT });
  if (code === 0) return;
  const reason = stderr.trim().replaceAll(/\s*\n\s*/g, " ");
  throw new Failure(`systemctl ${words.join(" ")} failed with status ${code}: ${reason}`);
}

/**
 * Starts a service, anew if it runs.
 *
 * @throws {Failure} with the reason that the service itself gave, if it did
 */
export async function restartService(name: string): Promise<void> {
  const start = Date.now();
  try {
    await systemctl("restart", name);
  } catch (error) {
    const reason = error instanceof Failure ? await lastError(name, start) : undefined;
    if (reason === undefined) throw error;
    throw new Failure(`The service is installed, but does not start: ${reason}`);
  }
}

/** How often, and after how many milliseconds each, the journal is asked: it may be a moment behind. */
const [ENQUIRIES, PAUSE] = [15, 200];

/**
 * The last error in a service's log; undefined if there is none.
 *
 * @param start milliseconds since 1970
 */
async function lastError(name: string, start: number): Promise<string | undefined> {
  const command = [
    ...["journalctl", "--quiet", "--output=cat", "--lines=1", "--priority=err"],
    // A field that the journal fills in itself: others may log by the service's name.
    ...[`--since=@${start / 1000}`, `_SYSTEMD_UNIT=${name}.service`],
  ] as const;
  for (let left = ENQUIRIES; left > 0; left--) {
    const { stdout } = await runCommand(command);
    const line = printable(stdout.trim());
    if (line !== "") return line.startsWith(`${name}: `) ? line.slice(name.length + 2) : line;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return undefined;
}
