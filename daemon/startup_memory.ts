import { OsError } from "../ffi/error.ts";
import { releaseFilePages } from "../ffi/memory.ts";
import { log } from "./logging.ts";

/** Milliseconds after which a program has read what it needed for its start alone. */
const STARTED = 1500;

/**
 * Lets go, once, of what only the start of this program needed: most of the 50 MB of Deno's own code
 * and constants that are in memory by then.
 */
export function releaseStartupMemory(): void {
  const timer = setTimeout(() => {
    try {
      releaseFilePages();
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      log.debug("Cannot let go of the start's memory: {reason}", { reason: error.message });
    }
  }, STARTED);
  Deno.unrefTimer(timer);
}
