/**
 * Files of /proc and /sys, which Deno reads and writes only for programs that may do everything. What the
 * kernel makes up has no length before it is read, and lists come in pieces.
 */
import { O_CLOEXEC, O_RDONLY, O_WRONLY } from "./constants.ts";
import { check, OsError } from "./error.ts";
import { closeFd, openFd, readFd } from "./fd.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";

/** Bytes of the longest name that a link leads to. */
const LINK_MOST = 4096;

/** Bytes; longer texts are cut: nothing that is read here is. */
const MOST = 4 * 1024 * 1024;

/** A file's text. @throws {OsError} */
export function readKernelFile(path: string): string {
  const fd = openFd(cString(path), O_RDONLY | O_CLOEXEC);
  try {
    return new TextDecoder().decode(readFd(fd, MOST));
  } finally {
    closeFd(fd);
  }
}

/** A file's text; undefined if it is not there, or cannot be read. */
export function readKernelFileIfAny(path: string): string | undefined {
  try {
    return readKernelFile(path);
  } catch (error) {
    if (error instanceof OsError) return undefined;
    throw error;
  }
}

/** @throws {OsError} EACCES or EPERM where that is not allowed, EROFS in most containers */
export function writeKernelFile(path: string, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const buffer = new NativeBuffer(bytes.length);
  buffer.bytes.set(bytes);
  const fd = openFd(cString(path), O_WRONLY | O_CLOEXEC);
  try {
    check("write", libc.write(fd, buffer.address, bytes.length));
  } finally {
    closeFd(fd);
  }
}

/** What a symbolic link leads to. @throws {OsError} */
export function readKernelLink(path: string): string {
  const buffer = new NativeBuffer(LINK_MOST);
  const length = check("readlink", libc.readlink(cString(path), buffer.address, LINK_MOST));
  return new TextDecoder().decode(buffer.bytes.subarray(0, length));
}
