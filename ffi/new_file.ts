import { O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY } from "./constants.ts";
import { check, Errno, OsError } from "./error.ts";
import { closeFd, openFd } from "./fd.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";
import { type FileOwner, giveFile } from "./ownership.ts";

/** What a new file is to be. */
export interface NewFile {
  bytes: Uint8Array;
  /** Permission bits. */
  mode: number;
  /** By default whoever makes it. */
  owner: FileOwner | undefined;
}

/**
 * Makes a file and syncs it to disk. What stands at the path is removed first, and never written
 * through: a link that somebody else put there leads nowhere. Of a failure nothing is left.
 *
 * @throws {OsError}
 */
export function createFile(path: string, { bytes, mode, owner }: NewFile): void {
  const name = cString(path);
  if (libc.unlink(name) < 0) ignoreMissing(new OsError("unlink"));
  const fd = openFd(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  try {
    if (owner !== undefined) giveFile(fd, owner);
    writeWhole(fd, bytes);
    check("fsync", libc.fsync(fd));
  } catch (error) {
    libc.unlink(name);
    throw error;
  } finally {
    closeFd(fd);
  }
}

function ignoreMissing(error: OsError): void {
  if (error.errno !== Errno.ENOENT) throw error;
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const buffer = new NativeBuffer(bytes.length);
  buffer.bytes.set(bytes);
  for (let at = 0; at < bytes.length;) {
    at += check("write", libc.write(fd, buffer.address + at, bytes.length - at));
  }
}
