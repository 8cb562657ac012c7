import { effectiveUser } from "../ffi/ownership.ts";
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
