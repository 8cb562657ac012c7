import { readKernelFile } from "./kernel_file.ts";

/** The words that this process was started with, the program's name first (proc_pid_cmdline(5)). @throws {OsError} */
export function ownCommandLine(): string[] {
  return readKernelFile("/proc/self/cmdline").split("\0").slice(0, -1);
}
