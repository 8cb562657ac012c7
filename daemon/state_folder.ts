import { type FileLock, lockFile } from "../ffi/file_lock.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { createFile, type NewFile } from "../ffi/new_file.ts";
import { effectiveUser, type FileOwner } from "../ffi/ownership.ts";
import { Failure } from "./failure.ts";

/**
 * Where programs keep what must survive a restart: system-wide for root, else the user's own.
 *
 * @param servant the user whom root started a program as, if so
 */
export function defaultStateFolder(servant?: string): string {
  if (servant !== undefined || Deno.uid() === 0) return "/var/lib/simplevpn";
  const told = Deno.env.get("XDG_STATE_HOME") ?? "";
  // The XDG Base Directory Specification wants a relative one ignored.
  const base = told.startsWith("/") ? told : `${Deno.env.get("HOME") ?? ""}/.local/state`;
  return `${base}/simplevpn`;
}

/** Bit of a mode: everybody may make and remove files. */
const OTHERS_WRITE = 0o002;

const ROOT = 0;

/**
 * Makes the folder, for its owner alone, if it is not there. Root may use one of another user, as that
 * of a service: what root makes there is that user's.
 *
 * @throws {Failure} if it cannot be used, or others could put links and files of theirs in it
 */
export function openStateFolder(path: string): string {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    Deno.removeSync(Deno.makeTempFileSync({ dir: path, prefix: ".probe-" }));
    const self = effectiveUser();
    const { uid, mode } = Deno.statSync(path);
    const isOurs = uid === self || uid === ROOT || self === ROOT;
    if (isOurs && (mode! & OTHERS_WRITE) === 0) return path;
    throw new Error("other users could put files there");
  } catch (error) {
    throw new Failure(
      `Cannot keep state in ${path}: ${(error as Error).message}: choose a folder with --state DIR`,
    );
  }
}

/**
 * Writes a file so that at any moment, also after a crash, either the old or the new text is there
 * whole: temporary file, sync, rename. Only the folder's owner can read it. Where that is another user
 * than root who writes it, links that the user made lead nowhere.
 *
 * @throws {Failure} if the folder cannot be written
 */
export function writeFileAtomically(path: string, text: string): void {
  replaceFile(path, text, { mode: 0o600, owner: ownerIn(folderOf(path)) });
}

/**
 * The same for a note of what is to be undone. What root is to undo stays root's, also in a folder of
 * another user, who may read it, and could have root do anything if it were that user's to write.
 *
 * @throws {Failure} if the folder cannot be written
 */
export function writeNoteAtomically(path: string, text: string): void {
  const isStrange = ownerIn(folderOf(path)) !== undefined;
  replaceFile(path, text, { mode: isStrange ? 0o644 : 0o600, owner: undefined });
}

function replaceFile(path: string, text: string, how: Pick<NewFile, "mode" | "owner">): void {
  const temporary = `${path}.new`;
  try {
    createFile(temporary, { bytes: new TextEncoder().encode(text), ...how });
    Deno.renameSync(temporary, path);
    syncFolder(folderOf(path));
  } catch (error) {
    throw new Failure(`Cannot write ${path}: ${describeWriteError(error, folderOf(path))}`);
  }
}

function describeWriteError(error: unknown, folder: string): string {
  if (!(error instanceof OsError)) return (error as Error).message;
  if (error.errno !== Errno.ENOSPC) return error.reason;
  return `${error.reason}: make room ("df -h ${folder}" shows how much there is)`;
}

/** Locks a file of a state folder (@see {lockFile}). @throws {OsError} */
export function lockStateFile(path: string, { wait }: { wait: boolean }): FileLock | undefined {
  return lockFile(path, { wait, owner: ownerIn(folderOf(path)) });
}

/** Whose files are to be that root makes in a folder; undefined if that needs nothing. */
function ownerIn(folder: string): FileOwner | undefined {
  if (effectiveUser() !== ROOT) return undefined;
  const { uid, gid } = Deno.statSync(folder);
  return uid === ROOT ? undefined : { uid: uid!, gid: gid! };
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1) || ".";
}

/** Makes sure that what was renamed into a folder is there after a crash, too. */
export function syncFolder(path: string): void {
  const folder = Deno.openSync(path, { read: true });
  try {
    folder.syncSync();
  } finally {
    folder.close();
  }
}
