import { O_CLOEXEC, O_NONBLOCK, O_RDONLY } from "../ffi/constants.ts";
import { closeFd, openFd, readFd } from "../ffi/fd.ts";
import { fileStatus } from "../ffi/file_status.ts";
import { cString } from "../ffi/native_buffer.ts";

/** Bytes of the longest file that is read: far more than what thousands of peers need. */
const MOST = 64 * 1024 * 1024;

/**
 * The text of a file in a folder in which another user may have put anything: a FIFO would be waited for, a
 * device would have no end.
 *
 * @param mayBeOf whether the file may be this user's
 * @throws {OsError} if it cannot be opened or read
 * @throws {Error} if it is no regular file, is too long, or is of a user who may not
 */
export function readRegularFile(path: string, mayBeOf: (uid: number) => boolean): string {
  const fd = openFd(cString(path), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  try {
    const { isRegular, uid } = fileStatus(fd);
    if (!isRegular) throw new Error("it is no regular file: look at it, and remove it");
    if (!mayBeOf(uid)) {
      throw new Error(
        "it belongs to another user, and root would act by it: look at it, and remove it",
      );
    }
    const bytes = readFd(fd, MOST + 1);
    if (bytes.length > MOST) throw new Error(`it is longer than ${MOST} bytes`);
    return new TextDecoder().decode(bytes);
  } finally {
    closeFd(fd);
  }
}
