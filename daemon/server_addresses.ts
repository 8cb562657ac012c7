import { ResolveError, resolveHost } from "../ffi/resolve.ts";
import type { SocketAddress } from "../ffi/socket_address.ts";
import { log } from "./logging.ts";

/** Milliseconds for which a name is waited for where there are addresses to go on with. */
const PATIENCE = 2000;

/**
 * Finds the addresses of a client's server, again and again. Once a client was connected, it can do
 * without DNS: the machine's DNS may be inside the very tunnel that is lost.
 */
export class ServerAddresses {
  readonly #host: string;
  readonly #port: number;
  readonly #resolve: typeof resolveHost;
  /** The question that is not answered yet: there is one at a time. */
  #asked: Promise<SocketAddress[]> | undefined;
  /** Those among which was the one of the last connection. */
  #known: readonly SocketAddress[] = [];

  /** @param resolve asks for the addresses of a name */
  constructor(host: string, port: number, resolve = resolveHost) {
    this.#host = host;
    this.#port = port;
    this.#resolve = resolve;
  }

  /** A connection came about by one of these. */
  remember(addresses: readonly SocketAddress[]): void {
    this.#known = addresses;
  }

  /** @throws {ResolveError} if the name has none, or cannot be asked for, and no address is known */
  async find(): Promise<readonly SocketAddress[]> {
    const asked = this.#asked ??= this.#ask();
    if (this.#known.length === 0) return await asked;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), PATIENCE);
    });
    try {
      const found = await Promise.race([asked, late]);
      return found === "late" ? this.#goOn("no answer yet") : found;
    } catch (error) {
      if (!(error instanceof ResolveError)) throw error;
      return this.#goOn(error.message);
    } finally {
      clearTimeout(timer);
    }
  }

  async #ask(): Promise<SocketAddress[]> {
    try {
      return await this.#resolve(this.#host, this.#port);
    } finally {
      this.#asked = undefined;
    }
  }

  #goOn(reason: string): readonly SocketAddress[] {
    log.debug("Cannot find {host} ({reason}): trying the addresses that it had", {
      host: this.#host,
      reason,
    });
    return this.#known;
  }
}
