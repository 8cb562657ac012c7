/**
 * Files of /proc, which Deno reads and writes only for programs that may do everything. What the kernel
 * makes up has no length before it is read, and is read by one call.
 */
import { O_CLOEXEC, O_RDONLY, O_WRONLY } from "./constants.ts";
import { check } from "./error.ts";
import { closeFd, openFd } from "./fd.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";

const MOST = 64 * 1024;

/** A file's text, or as much of it as one call gives. @throws {OsError} */
export function readKernelFile(path: string): string {
  const buffer = new NativeBuffer(MOST);
  const fd = openFd(cString(path), O_RDONLY | O_CLOEXEC);
  try {
    const length = check("read", libc.read(fd, buffer.address, MOST));
    return new TextDecoder().decode(buffer.bytes.subarray(0, length));
  } finally {
    closeFd(fd);
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
  const buffer = new NativeBuffer(MOST);
  const length = check("readlink", libc.readlink(cString(path), buffer.address, MOST));
  return new TextDecoder().decode(buffer.bytes.subarray(0, length));
}
