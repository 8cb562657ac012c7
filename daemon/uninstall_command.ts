import type { Arguments } from "../lib/config/command_line.ts";
import { SERVICE_USER } from "../lib/config/service_unit.ts";
import { isGiven, readOperands, readText } from "../lib/config/values.ts";
import { cleanUpAll } from "./cleanup_command.ts";
import { Failure } from "./failure.ts";
import { tryHoldFolder } from "./program_lock.ts";
import { exists, isProgramCopied, ServiceFiles, type ServiceName } from "./service_files.ts";
import { checkMayManage, systemctl } from "./systemctl.ts";

/**
 * Removes what `install` wrote, and nothing else: the state, keys among it, stays unless the person wants
 * that gone, too.
 *
 * @throws {Failure}
 */
export async function runUninstall(name: ServiceName, args: Arguments): Promise<void> {
  readOperands(args);
  const root = readText(args, "root");
  checkMayManage(name, root);
  const files = new ServiceFiles(name, root ?? "");
  const isPurged = isGiven(args, "purge");
  if (isPurged && files.isShared) {
    throw new Failure(
      `The other program's service keeps its state in ${files.state} as well: uninstall that first`,
    );
  }
  const isInstalled = exists(files.unit);
  if (!isInstalled) console.log(`${name} is not installed as a service`);
  if (isInstalled && root === undefined) await systemctl("disable", "--quiet", "--now", name);
  if (root === undefined && (isInstalled || isPurged)) {
    // Nobody could afterwards.
    for (const line of await cleanUpAll(files.state)) console.log(`Undone: ${line}`);
  }
  if (isPurged && exists(files.state)) checkUnused(files.state);
  if (isInstalled) {
    removeFiles(files);
    if (root === undefined) await systemctl("daemon-reload");
  }
  if (isPurged) { for (const folder of [files.state, files.logs]) remove(folder); }
  else if (exists(files.state)) {
    console.log(`Kept ${files.state}, with keys: --purge removes it`);
  }
  if (root === undefined && !files.isShared) console.log(`Kept the user ${SERVICE_USER}`);
}

/** @throws {Failure} if a program runs with the state folder that no service started */
function checkUnused(folder: string): void {
  for (const program of ["server", "client"] as const) {
    using lock = tryHoldFolder(program, folder);
    if (lock === undefined) {
      throw new Failure(`simplevpn-${program} is running with ${folder}: end that first`);
    }
  }
}

/** The unit goes last: what says that there is something to remove. */
function removeFiles(files: ServiceFiles): void {
  const { name, isShared } = files;
  if (isProgramCopied(files)) remove(files.program);
  if (!isShared) remove(files.sysusers);
  if (name === "simplevpn-client") remove(files.polkitRules);
  for (const path of files.help) remove(path);
  remove(files.unit);
}

/** @throws {Failure} */
function remove(path: string): void {
  if (!exists(path)) return;
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    throw new Failure(`Cannot remove ${path}: ${(error as Error).message}`);
  }
  console.log(`Removed ${path}`);
}
