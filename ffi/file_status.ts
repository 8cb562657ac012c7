import { check } from "./error.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";

/** fcntl.h and linux/stat.h: the file descriptor itself, and what is asked of it. */
const AT_EMPTY_PATH = 0x1000;
const STATX_TYPE = 0x1;
const STATX_UID = 0x8;

/** `struct statx`, which is the same on all machines: its length, and where its fields are. */
const STATX_LENGTH = 256;
const OFFSET_UID = 20;
const OFFSET_MODE = 28;

/** Bits of a mode: the kind of file, and a regular one. */
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

/** What is known of an open file. */
export interface FileStatus {
  /** Whether it is none of the others: directory, FIFO, device, socket. */
  readonly isRegular: boolean;
  /** Whose it is. */
  readonly uid: number;
}

/** Tells what a file descriptor stands for (statx(2)). @throws {OsError} */
export function fileStatus(fd: number): FileStatus {
  const { address, view } = new NativeBuffer(STATX_LENGTH);
  check("statx", libc.statx(fd, cString(""), AT_EMPTY_PATH, STATX_TYPE | STATX_UID, address));
  return {
    isRegular: (view.getUint16(OFFSET_MODE, true) & S_IFMT) === S_IFREG,
    uid: view.getUint32(OFFSET_UID, true),
  };
}
