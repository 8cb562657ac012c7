import { OsError } from "../../ffi/error.ts";
import { lockFile } from "../../ffi/file_lock.ts";
import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";

/** File descriptors of a program that are looked at: its TUN device is one of its first. */
const DESCRIPTORS = 256;

/**
 * The process that holds a lock (flock(2)) on a file; undefined if none does. The lock is not touched, unless
 * a file of the same number on another file system is locked.
 */
export function lockHolder(path: string): number | undefined {
  const inode = inodeOf(path);
  // 12: FLOCK  ADVISORY  WRITE 4711 fe:01:131090 0 EOF
  const lines = readKernelFileIfAny("/proc/locks")?.matchAll(
    /^\d+: FLOCK +\S+ +WRITE (\d+) \S+:\S+:(\d+) /gm,
  );
  for (const [, pid, locked] of lines ?? []) {
    if (Number(locked) === inode) return isLocked(path) ? Number(pid) : undefined;
  }
  return undefined;
}

function isLocked(path: string): boolean {
  try {
    const lock = lockFile(path, { wait: false });
    lock?.close();
    return lock === undefined;
  } catch (error) {
    // This user may not open it: whoever may has it.
    if (error instanceof OsError) return true;
    throw error;
  }
}

/** The name of the TUN device that a process holds; undefined if it has none, or that may not be seen. */
export function tunOf(pid: number): string | undefined {
  for (let fd = 0; fd < DESCRIPTORS; fd++) {
    const name = /^iff:\s*(\S+)$/m.exec(readKernelFileIfAny(`/proc/${pid}/fdinfo/${fd}`) ?? "")
      ?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}

function inodeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).ino ?? undefined;
  } catch {
    return undefined;
  }
}
