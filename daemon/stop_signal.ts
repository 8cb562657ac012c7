const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One Ctrl-C may come twice: from the terminal, and passed on by the program that started this one. */
const SAME_REQUEST = 500;

/**
 * Waits for the first signal that asks the program to end; another one, later than SAME_REQUEST
 * milliseconds, ends it there and then.
 */
export function stopSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let askedAt = Infinity;
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      const now = performance.now();
      if (now > askedAt + SAME_REQUEST) Deno.exit(1);
      askedAt = Math.min(askedAt, now);
      resolve(signal);
    });
  }
  return promise;
}
