/** Connections that are served at a time; there is no reason for more than a few. */
const CONNECTIONS_MOST = 16;

/** Milliseconds that a connection may take from its first moment to its last. */
const CONNECTION_TIME = 10_000;

/** Milliseconds before the next try when no connection can be taken. */
const ACCEPT_PAUSE = 1000;

/**
 * Takes connections of a listener, for the few requests that are made of a running program: not many at
 * a time, and none for long.
 */
export class BoundedServer<Address extends Deno.Addr> implements Disposable {
  readonly #listener: Deno.Listener<Deno.Conn<Address>, Address>;
  readonly #serve: (connection: Deno.Conn<Address>) => Promise<void>;
  #connections = 0;
  #closed = false;

  /** @param serve what is done with a connection, which is closed when that is over, or takes too long */
  constructor(
    listener: Deno.Listener<Deno.Conn<Address>, Address>,
    serve: (connection: Deno.Conn<Address>) => Promise<void>,
  ) {
    this.#listener = listener;
    this.#serve = serve;
    this.#accept();
  }

  /** Takes no connection any more. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await this.#listener.accept();
        if (this.#connections >= CONNECTIONS_MOST) connection.close();
        else this.#attend(connection);
      } catch {
        // No file descriptor is left, most likely; or this is the end.
        if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE));
      }
    }
  }

  async #attend(connection: Deno.Conn<Address>): Promise<void> {
    this.#connections++;
    let isOpen = true;
    const close = (): void => {
      if (isOpen) connection.close();
      isOpen = false;
    };
    const timer = setTimeout(close, CONNECTION_TIME);
    try {
      await this.#serve(connection);
    } catch {
      // Whoever asked is gone, or took too long.
    } finally {
      clearTimeout(timer);
      close();
      this.#connections--;
    }
  }
}
