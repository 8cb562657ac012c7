import { LOCK_EX, LOCK_NB, LOCK_UN, O_CLOEXEC, O_CREAT, O_EXCL, O_RDWR } from "./constants.ts";
import { Errno, OsError } from "./error.ts";
import { closeFd, openFd } from "./fd.ts";
import { noFollowFlag } from "./layout.ts";
import { errno, libc } from "./libc.ts";
import { cString } from "./native_buffer.ts";
import { type FileOwner, giveFile } from "./ownership.ts";

/** A lock on a file (flock(2)), held until it is closed or its program ends, however that ends. */
export interface FileLock extends Disposable {
  close(): void;
}

/**
 * Locks a file against every other program that does the same; it is made if it is not there.
 *
 * @param wait whether to wait until nobody else holds the lock
 * @param owner whose the file is to be if it is made; by default that of whoever makes it
 * @returns undefined if somebody else holds it, and `wait` is false
 * @throws {OsError} ELOOP if there is a link in its place
 */
export function lockFile(
  path: string,
  { wait, owner }: { wait: boolean; owner?: FileOwner | undefined },
): FileLock | undefined {
  const fd = openOrMake(path, owner);
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

/** Only a file that this made is given away: one that is there may be anything. */
function openOrMake(path: string, owner: FileOwner | undefined): number {
  const name = cString(path);
  const flags = O_RDWR | O_CLOEXEC | noFollowFlag(Deno.build.arch);
  try {
    return openFd(name, flags);
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== Errno.ENOENT) throw error;
  }
  try {
    const fd = openFd(name, flags | O_CREAT | O_EXCL, 0o600);
    if (owner !== undefined) giveFile(fd, owner);
    return fd;
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== Errno.EEXIST) throw error;
    // Another program made it in the meantime.
    return openFd(name, flags);
  }
}
