import { SIGHUP } from "../ffi/constants.ts";
import { isIgnored } from "../ffi/signal.ts";
import { uncaughtException } from "./uncaught.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** One Ctrl-C may come twice: from the terminal, and passed on by the program that started this one. */
const SAME_REQUEST = 500;

/**
 * Waits for the first signal that asks the program to end; another one, later than SAME_REQUEST
 * milliseconds, ends it there and then. SIGHUP asks nothing of a program that was started to ignore it,
 * as by nohup(1).
 *
 * An exception that nobody catches asks the program to end, too: it is what this rejects with.
 *
 * @param hangUp what SIGHUP asks for instead, unless it comes because the terminal is gone
 */
export function stopSignal(hangUp?: () => void): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let askedAt = Infinity;
  const outlivesTerminal = isIgnored(SIGHUP);
  const terminals = [Deno.stdin, Deno.stdout, Deno.stderr].filter((it) => it.isTerminal());
  // The kernel takes it away before it sends the signal (__tty_hangup() in drivers/tty/tty_io.c).
  const isTerminalGone = (): boolean => terminals.some((it) => !it.isTerminal());
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      // There has to be a listener all the same: Deno ends a program without one.
      if (signal === "SIGHUP" && hangUp !== undefined && !isTerminalGone()) return hangUp();
      if (signal === "SIGHUP" && outlivesTerminal) return;
      const now = performance.now();
      if (now > askedAt + SAME_REQUEST) Deno.exit(1);
      askedAt = Math.min(askedAt, now);
      resolve(signal);
    });
  }
  return Promise.race([promise, uncaughtException()]);
}
