const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Waits for the first signal that asks the program to end; a second one ends it there and then. */
export function stopSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let asked = false;
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (asked) Deno.exit(1);
      asked = true;
      resolve(signal);
    });
  }
  return promise;
}
