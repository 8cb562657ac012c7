import { givePath } from "../ffi/ownership.ts";
import type { FileOwner } from "../ffi/ownership.ts";
import { SERVICE_STATE, SERVICE_USER } from "../lib/config/service_unit.ts";
import { Failure } from "./failure.ts";
import { type CommandResult, runCommand } from "./run_command.ts";

/**
 * Makes the system user that services run as, if there is none.
 *
 * @param sysusers the file that says so to systemd-sysusers(8)
 * @throws {Failure}
 */
export async function makeServiceUser(sysusers: string): Promise<FileOwner> {
  const present = await findUser(SERVICE_USER);
  if (present !== undefined) return present;
  const failures: string[] = [];
  for (const command of [["systemd-sysusers", sysusers], USERADD] as const) {
    const { code, stderr } = await tryCommand(command);
    if (code !== 0) failures.push(`${command[0]}: ${stderr.trim()}`);
    const made = await findUser(SERVICE_USER);
    if (made !== undefined) return made;
  }
  throw new Failure(
    `Cannot make the user ${SERVICE_USER} (${
      failures.join("; ")
    }): make it yourself, as a system ` +
      "user without a login, and run this again",
  );
}

/** Where there is no systemd-sysusers. */
const USERADD = [
  "useradd",
  "--system",
  "--user-group",
  "--no-create-home",
  `--home-dir=${SERVICE_STATE}`,
  "--shell=/usr/sbin/nologin",
  SERVICE_USER,
] as const;

/** A user of this machine, by name; undefined if there is none. */
export async function findUser(name: string): Promise<FileOwner | undefined> {
  const { code, stdout } = await tryCommand(["getent", "passwd", "--", name]);
  const [, , uid, gid] = stdout.split(":");
  return code === 0 ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

async function tryCommand(command: readonly [string, ...string[]]): Promise<CommandResult> {
  try {
    return await runCommand(command);
  } catch (error) {
    return { code: 127, stdout: "", stderr: (error as Error).message };
  }
}

/**
 * Gives the service its state folder, with what a program that root ran left in it. One that is the
 * user's already is left alone: what is in it now could be changed by that user meanwhile, who must not
 * make root give other files away.
 *
 * @returns whether it was another's
 * @throws {OsError}
 */
export function giveStateFolder(folder: string, owner: FileOwner): boolean {
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (Deno.lstatSync(folder).uid === owner.uid) return false;
  giveAll(folder, owner);
  return true;
}

/** The folder comes last, so that nobody else gets at it before. */
function giveAll(folder: string, owner: FileOwner): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) giveAll(path, owner);
    else givePath(path, owner);
  }
  givePath(folder, owner);
}
