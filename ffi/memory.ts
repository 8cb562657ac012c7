import { closeFd, openFd } from "./fd.ts";
import { libc } from "./libc.ts";
import { unchangedFileMappings } from "./mappings.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const MADV_DONTNEED = 4;
const CHUNK = 64 * 1024;

/**
 * Lets go of the code and constants that were read from files so far. What is needed again comes
 * back by itself, from the page cache: cheap, yet nothing to do often.
 */
export function releaseFilePages(): void {
  for (const { start, length } of unchangedFileMappings(readOwnMappings())) {
    // It is a favour to the machine: nothing is wrong if the kernel does not grant it.
    libc.madvise(start, length, MADV_DONTNEED);
  }
}

/** Deno itself reads files in /proc only for programs that may do everything. @throws {OsError} */
function readOwnMappings(): string {
  const fd = openFd(cString("/proc/self/smaps"), O_RDONLY | O_CLOEXEC);
  try {
    const { bytes, address } = new NativeBuffer(CHUNK);
    const decoder = new TextDecoder();
    let text = "";
    for (let count; (count = libc.read(fd, address, CHUNK)) > 0;) {
      text += decoder.decode(bytes.subarray(0, count), { stream: true });
    }
    return text;
  } finally {
    closeFd(fd);
  }
}
