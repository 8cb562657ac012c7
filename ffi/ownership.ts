import { check } from "./error.ts";
import { libc } from "./libc.ts";
import { cString } from "./native_buffer.ts";

/** Whom a file belongs to, by numbers. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** The user that this process acts as (geteuid(2)). */
export function effectiveUser(): number {
  return libc.geteuid();
}

/** Gives an open file away (fchown(2)). @throws {OsError} EPERM without CAP_CHOWN */
export function giveFile(fd: number, { uid, gid }: FileOwner): void {
  check("fchown", libc.fchown(fd, uid, gid));
}

/** Gives what stands at a path away, a link itself and not what it leads to. @throws {OsError} */
export function givePath(path: string, { uid, gid }: FileOwner): void {
  check("lchown", libc.lchown(cString(path), uid, gid));
}
