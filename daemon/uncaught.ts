import { log } from "./logging.ts";

/**
 * Takes exceptions that nobody catches, as of a timer: they would end the program there and then, and leave
 * the machine as it is.
 *
 * @returns rejects with the first of them, so that the program ends in order
 */
export function uncaughtException(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const take = (event: Event, error: unknown): void => {
    event.preventDefault();
    log.debug("Nobody caught {error}", { error: Deno.inspect(error) });
    reject(error);
  };
  addEventListener("error", (event) => take(event, event.error));
  addEventListener("unhandledrejection", (event) => take(event, event.reason));
  // There may be one before anybody waits.
  promise.catch(() => {});
  return promise;
}
