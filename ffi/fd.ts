import { check } from "./error.ts";
import { libc } from "./libc.ts";

/** Closes a file descriptor. On Linux it is gone whatever `close()` returns, so no error is thrown. */
export function closeFd(fd: number): void {
  libc.close(fd);
}

/**
 * Opens a file (open(2)).
 *
 * @param mode of a file that is created by this
 * @throws {OsError}
 */
export function openFd(path: Uint8Array<ArrayBuffer>, flags: number, mode = 0): number {
  return check("open", libc.open(path, flags, mode));
}
