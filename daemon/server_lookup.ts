import { ResolveError, resolveHost } from "../ffi/resolve.ts";
import type { SocketAddress } from "../ffi/socket_address.ts";
import { log } from "./logging.ts";

/** Milliseconds that a name may take to be found where known addresses could be tried meanwhile. */
const PATIENCE = 3000;

/**
 * Looks a server up.
 *
 * @param known addresses that do if the name is not found, or not soon: whoever resolves names may be
 *   reached only through the very tunnel that is to be made
 * @throws {ResolveError} if it is not found, and no address is known
 */
export async function lookUp(
  host: string,
  port: number,
  known: readonly SocketAddress[],
): Promise<SocketAddress[]> {
  const looking = resolveHost(host, port);
  if (known.length === 0) return await looking;
  const patience = Promise.withResolvers<SocketAddress[]>();
  const timer = setTimeout(
    () => patience.resolve(fallBack(host, known, "no answer in time")),
    PATIENCE,
  );
  try {
    return await Promise.race([looking, patience.promise]);
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    return fallBack(host, known, error.message);
  } finally {
    clearTimeout(timer);
  }
}

function fallBack(host: string, known: readonly SocketAddress[], reason: string): SocketAddress[] {
  log.debug("{host} is not found ({reason}): trying the addresses that it had", { host, reason });
  return [...known];
}
