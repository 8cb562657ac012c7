import { Errno, OsError } from "../ffi/error.ts";
import { readKernelFile, readKernelLink, writeKernelFile } from "../ffi/kernel_file.ts";

/** Where there is no such setting, or no longer: an interface went, or IPv6 is not there at all. */
const NOT_THERE: readonly number[] = [Errno.ENOENT, Errno.ENODEV, Errno.ENOTDIR];

/**
 * The value of one of the kernel's settings (sysctl(8)); undefined if there is no such setting.
 *
 * @param name with slashes: an interface's name may have dots
 */
export function readSetting(name: string): string | undefined {
  try {
    return readKernelFile(`/proc/sys/${name}`).trim();
  } catch (error) {
    if (error instanceof OsError && NOT_THERE.includes(error.errno)) return undefined;
    throw error;
  }
}

/** Changes a setting; one that is not there is none to change. @throws {OsError} */
export function writeSetting(name: string, value: string): void {
  try {
    writeKernelFile(`/proc/sys/${name}`, value);
  } catch (error) {
    if (!(error instanceof OsError && NOT_THERE.includes(error.errno))) throw error;
  }
}

/** What tells this start of the machine, and this network namespace, from all others. */
export function whereabouts(): { bootId: string; namespace: string } {
  return {
    bootId: readKernelFile("/proc/sys/kernel/random/boot_id").trim(),
    namespace: readKernelLink("/proc/self/ns/net"),
  };
}
