import { check } from "./error.ts";
import { libc } from "./libc.ts";

/** Closes a file descriptor. On Linux it is gone whatever `close()` returns, so no error is thrown. */
export function closeFd(fd: number): void {
  libc.close(fd);
}

/** Opens a file that `open(2)` takes flags alone for. @throws {OsError} */
export function openFd(path: Uint8Array<ArrayBuffer>, flags: number): number {
  return check("open", libc.open(path, flags));
}
