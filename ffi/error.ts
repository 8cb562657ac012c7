import { constants } from "node:os";
import { errno, libc } from "./libc.ts";

/** Error numbers by name (errno.h): Node's table, and what it lacks. */
export const Errno = {
  ...constants.errno,
  /** "File descriptor in bad state". */
  EBADFD: 77,
};

/** Second names that some numbers have, by which the kernel does not call them. */
const SYNONYMS = ["EWOULDBLOCK", "ENOTSUP"];

const NAMES = new Map(
  Object.entries(Errno).filter(([name]) => !SYNONYMS.includes(name))
    .map(([name, number]) => [number, name]),
);

/** A system call that failed. */
export class OsError extends Error {
  override readonly name = "OsError";
  /** The call, such as "connect". */
  readonly call: string;
  readonly errno: number;

  /** @param number the error number; by default that of the call that failed just now */
  constructor(call: string, number: number = errno()) {
    super(`${call}: ${describeErrno(number)}`);
    this.call = call;
    this.errno = number;
  }

  /** What went wrong, without the call: "permission denied (EACCES)". */
  get reason(): string {
    return describeErrno(this.errno);
  }
}

/** An error number in words and by name: "permission denied (EACCES)". */
export function describeErrno(number: number): string {
  const text = new Deno.UnsafePointerView(libc.strerror(number)).getCString();
  return `${text.charAt(0).toLowerCase()}${text.slice(1)} (${NAMES.get(number) ?? number})`;
}

/**
 * Returns a call's result, or throws if it says that the call failed.
 *
 * @throws {OsError} if `result` is negative
 */
export function check(call: string, result: number): number {
  if (result < 0) throw new OsError(call);
  return result;
}
