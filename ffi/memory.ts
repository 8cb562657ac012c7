import { readKernelFile } from "./kernel_file.ts";
import { libc } from "./libc.ts";
import { unchangedFileMappings } from "./mappings.ts";

const MADV_DONTNEED = 4;

/**
 * Lets go of the code and constants that were read from files so far. What is needed again comes
 * back by itself, from the page cache: cheap, yet nothing to do often.
 */
export function releaseFilePages(): void {
  for (const { start, length } of unchangedFileMappings(readKernelFile("/proc/self/smaps"))) {
    // It is a favour to the machine: nothing is wrong if the kernel does not grant it.
    libc.madvise(start, length, MADV_DONTNEED);
  }
}
