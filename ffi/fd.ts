import { check } from "./error.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";

/** Bytes of what is read by one call. */
const PIECE = 64 * 1024;

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

/** What is in a file from where it is to its end, or the first `most` bytes of that. @throws {OsError} */
export function readFd(fd: number, most: number): Uint8Array {
  const { bytes, address } = new NativeBuffer(PIECE);
  let whole = new Uint8Array(PIECE);
  let length = 0;
  while (length < most) {
    const count = check("read", libc.read(fd, address, Math.min(PIECE, most - length)));
    if (count === 0) break;
    if (length + count > whole.length) whole = enlarged(whole);
    whole.set(bytes.subarray(0, count), length);
    length += count;
  }
  return whole.subarray(0, length);
}

function enlarged(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * bytes.length);
  larger.set(bytes);
  return larger;
}
