import { readKernelFile } from "../../ffi/kernel_file.ts";

/** File descriptors of a program that are looked at: its TUN device is one of its first. */
const DESCRIPTORS = 256;

/** The process that holds a lock (flock(2)) on a file, without touching the lock; undefined if none does. */
export function lockHolder(path: string): number | undefined {
  const inode = inodeOf(path);
  // 12: FLOCK  ADVISORY  WRITE 4711 fe:01:131090 0 EOF
  const lines = readKernelFile("/proc/locks")?.matchAll(
    /^\d+: FLOCK +\S+ +WRITE (\d+) \S+:\S+:(\d+) /gm,
  );
  for (const [, pid, locked] of lines ?? []) {
    if (Number(locked) === inode) return Number(pid);
  }
  return undefined;
}

/** The name of the TUN device that a process holds; undefined if it has none, or that may not be seen. */
export function tunOf(pid: number): string | undefined {
  for (let fd = 0; fd < DESCRIPTORS; fd++) {
    const name = /^iff:\s*(\S+)$/m.exec(readKernelFile(`/proc/${pid}/fdinfo/${fd}`) ?? "")?.[1];
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
