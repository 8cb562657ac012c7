import type { FileLock } from "../ffi/file_lock.ts";
import type { ProgramName } from "./control_request.ts";
import { Failure } from "./failure.ts";
import { lockStateFile } from "./state_folder.ts";

/** The file that a program which runs holds a lock on, in its state folder. */
export function lockPath(program: ProgramName, folder: string): string {
  return `${folder}/${program}.lock`;
}

/** Keeps every other such program from the folder; undefined if one runs there. @throws {OsError} */
export function tryHoldFolder(program: ProgramName, folder: string): FileLock | undefined {
  return lockStateFile(lockPath(program, folder), { wait: false });
}

/** The same, for as long as this program runs. @throws {Failure} if another one runs there */
export function holdFolder(program: ProgramName, folder: string): FileLock {
  const lock = tryHoldFolder(program, folder);
  if (lock !== undefined) return lock;
  throw new Failure(
    `Another simplevpn-${program} is running with the state folder ${folder}: end that one first, or ` +
      "give this one a folder, and so an identity, of its own with --state DIR",
  );
}
