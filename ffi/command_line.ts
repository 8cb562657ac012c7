import { O_CLOEXEC } from "./constants.ts";
import { check } from "./error.ts";
import { closeFd, openFd } from "./fd.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";

const READ_LENGTH = 64 * 1024;

/** The words that this process was started with, the program's name first (proc_pid_cmdline(5)). @throws {OsError} */
export function ownCommandLine(): string[] {
  const fd = openFd(cString("/proc/self/cmdline"), O_CLOEXEC);
  try {
    const decoder = new TextDecoder();
    const buffer = new NativeBuffer(READ_LENGTH);
    for (let text = "";;) {
      const length = check("read", libc.read(fd, buffer.address, READ_LENGTH));
      if (length === 0) return (text + decoder.decode()).split("\0").slice(0, -1);
      text += decoder.decode(buffer.bytes.subarray(0, length), { stream: true });
    }
  } finally {
    closeFd(fd);
  }
}
