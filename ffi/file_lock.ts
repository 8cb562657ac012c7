import { LOCK_EX, LOCK_NB, LOCK_UN, O_CLOEXEC, O_CREAT, O_RDWR } from "./constants.ts";
import { Errno, OsError } from "./error.ts";
import { closeFd, openFd } from "./fd.ts";
import { errno, libc } from "./libc.ts";
import { cString } from "./native_buffer.ts";

/** A lock on a file (flock(2)), held until it is closed or its program ends, however that ends. */
export interface FileLock extends Disposable {
  close(): void;
}

/**
 * Locks a file against every other program that does the same; it is made if it is not there.
 *
 * @param wait whether to wait until nobody else holds the lock
 * @returns undefined if somebody else holds it, and `wait` is false
 * @throws {OsError}
 */
export function lockFile(path: string, { wait }: { wait: boolean }): FileLock | undefined {
  const fd = openFd(cString(path), O_RDWR | O_CREAT | O_CLOEXEC, 0o600);
  while (libc.flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
    const number = errno();
    if (number === Errno.EINTR) continue;
    closeFd(fd);
    if (number === Errno.EWOULDBLOCK) return undefined;
    throw new OsError("flock", number);
  }
  const close = (): void => {
    // To close it is not enough while another thread starts a program: that has it as well, for a moment.
    libc.flock(fd, LOCK_UN);
    closeFd(fd);
  };
  return { close, [Symbol.dispose]: close };
}
