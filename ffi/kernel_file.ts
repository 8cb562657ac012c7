import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { OsError } from "./error.ts";
import { closeFd, openFd } from "./fd.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";

const PIECE = 64 * 1024;

/** Longer ones are cut: nothing that is read here is. */
const MOST = 4 * 1024 * 1024;

/**
 * The text of a file below /proc or /sys, which Deno itself reads for programs with all permissions only.
 * Undefined if it is not there, or cannot be read.
 */
export function readKernelFile(path: string): string | undefined {
  try {
    return readWhole(openFd(cString(path), O_RDONLY | O_CLOEXEC));
  } catch (error) {
    if (error instanceof OsError) return undefined;
    throw error;
  }
}

function readWhole(fd: number): string | undefined {
  const { bytes, address } = new NativeBuffer(PIECE);
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (text.length < MOST) {
      const count = libc.read(fd, address, PIECE);
      if (count < 0) return undefined;
      if (count === 0) break;
      text += decoder.decode(bytes.subarray(0, count), { stream: true });
    }
    return text;
  } finally {
    closeFd(fd);
  }
}
