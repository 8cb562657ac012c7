import { ownCommandLine } from "../ffi/command_line.ts";
import { CAP_NET_ADMIN, CAP_NET_BIND_SERVICE } from "../ffi/constants.ts";
import { OsError } from "../ffi/error.ts";
import { effectiveUser, type FileOwner } from "../ffi/ownership.ts";
import { becomeUser, replaceProgram } from "../ffi/privileges.ts";
import { Failure } from "./failure.ts";
import { exists } from "./service_files.ts";
import { findUser, giveStateFolder } from "./service_user.ts";

/** To set interfaces up, and to listen on a port below 1024. */
const KEPT = [CAP_NET_ADMIN, CAP_NET_BIND_SERVICE];

/**
 * Goes on as another user with the capabilities that a tunnel takes, if one is named. The program starts
 * over for that: capabilities are each thread's own, and the JavaScript engine has had threads before.
 *
 * @param user its name
 * @param folder the state folder, which has to be the user's; undefined if there is none
 * @throws {Failure}
 */
export async function dropRoot(user: string | undefined, folder?: string): Promise<void> {
  if (user === undefined) return;
  const owner = await findUser(user);
  if (owner === undefined) throw new Failure(`There is no user "${user}" on this machine`);
  if (effectiveUser() === owner.uid) return;
  if (effectiveUser() !== 0) {
    throw new Failure(`Only root can go on as the user "${user}": run this with sudo`);
  }
  if (owner.uid === 0) return;
  try {
    if (folder !== undefined) prepareFolder(folder, user, owner);
    const words = ownCommandLine();
    becomeUser(owner, KEPT);
    replaceProgram("/proc/self/exe", words);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    throw new Failure(`Cannot go on as the user "${user}": ${error.message}`);
  }
}

/** Makes the folder if it is not there. One that is there is given away by its owner, and not by this. */
function prepareFolder(folder: string, user: string, owner: FileOwner): void {
  if (!exists(folder)) return void giveStateFolder(folder, owner);
  if (Deno.statSync(folder).uid === owner.uid) return;
  throw new Failure(
    `The state folder ${folder} is not of the user "${user}": give it to that user ` +
      `("chown -R ${user} ${folder}"), or name another with --state DIR`,
  );
}
