import { check } from "./error.ts";
import { SIGACTION } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";

/** The handler that ignores (signal.h): a number, though C has it as a pointer. */
const SIG_IGN = 1n;

/**
 * Whether this process ignores a signal: unless it did something about it, because whoever started it
 * wanted that, as nohup(1) does.
 *
 * @throws {OsError}
 */
export function isIgnored(signal: number): boolean {
  const { view, address } = new NativeBuffer(SIGACTION.size);
  check("sigaction", libc.sigaction(signal, 0, address));
  return view.getBigUint64(SIGACTION.sa_handler, true) === SIG_IGN;
}
