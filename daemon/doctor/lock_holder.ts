import { OsError } from "../../ffi/error.ts";
import { lockFile } from "../../ffi/file_lock.ts";
import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";

/** File descriptors of a program that are looked at: its TUN device is one of its first. */
const DESCRIPTORS = 256;

/**
 * The process that holds a lock (flock(2)) on a file; undefined if none does. The lock is not touched, unless
 * a file of the same number on another file system is locked. That its number is as well is no condition, but
 * decides between several: some file systems tell programs another one than /proc/locks (btrfs).
 */
export function lockHolder(path: string): number | undefined {
  const file = statOf(path);
  const holders = locksOf(readKernelFileIfAny("/proc/locks") ?? "")
    .filter(({ inode }) => inode === file?.ino);
  const holder = holders.find(({ device }) => device === file?.dev) ?? holders[0];
  return holder !== undefined && isLocked(path) ? holder.pid : undefined;
}

/** A lock on a file, as /proc/locks tells of it. */
export interface Lock {
  pid: number;
  device: number;
  inode: number;
}

/** The locks of flock(2) for one holder alone, out of the text of /proc/locks. */
export function locksOf(text: string): Lock[] {
  // 12: FLOCK  ADVISORY  WRITE 4711 fe:01:131090 0 EOF
  const lines = text.matchAll(
    /^\d+: FLOCK +\S+ +WRITE (\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /gm,
  );
  return [...lines].map(([, pid, major, minor, inode]) => ({
    pid: Number(pid),
    device: deviceNumber(parseInt(major!, 16), parseInt(minor!, 16)),
    inode: Number(inode),
  }));
}

/** As stat(2) gives it (new_encode_dev() in include/linux/kdev_t.h). */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + (major << 8) + ((minor & ~0xff) << 12);
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

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
