import { SIGHUP } from "../ffi/constants.ts";
import { isIgnored } from "../ffi/signal.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One Ctrl-C may come twice: from the terminal, and passed on by the program that started this one. */
const SAME_REQUEST = 500;

/**
 * Waits for the first signal that asks the program to end; another one, later than SAME_REQUEST
 * milliseconds, ends it there and then. SIGHUP asks nothing of a program that was started to ignore it,
 * as by nohup(1).
 */
export function stopSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let askedAt = Infinity;
  const outlivesTerminal = isIgnored(SIGHUP);
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      // There has to be a listener all the same: Deno ends a program without one.
      if (signal === "SIGHUP" && outlivesTerminal) return;
      const now = performance.now();
      if (now > askedAt + SAME_REQUEST) Deno.exit(1);
      askedAt = Math.min(askedAt, now);
      resolve(signal);
    });
  }
  return promise;
}
