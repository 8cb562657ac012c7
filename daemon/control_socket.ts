import { BoundedServer } from "./bounded_server.ts";
import {
  controlPath,
  type ControlRequest,
  NEW_SUFFIX,
  type ProgramName,
  REQUEST_MOST,
} from "./control_request.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import { removeIfAny } from "./state_file.ts";
import { readToEnd, writeAll } from "./stream_text.ts";

/** What a program does about a request; what it gives, as JSON, is the answer. */
export type ControlHandler = (request: ControlRequest) => Promise<unknown> | unknown;

/**
 * The Unix socket by which commands reach a running program: `server.sock` or `client.sock` in its state
 * folder, for its owner alone. A connection carries one request and one answer.
 */
export class ControlSocket implements Disposable {
  readonly #path: string;
  readonly #handlers: ReadonlyMap<string, ControlHandler>;
  readonly #server: BoundedServer<Deno.UnixAddr>;
  readonly #inode: number | null;

  /**
   * Listens, in place of what a killed program left. Whoever calls this makes sure, by a lock, that no
   * other program listens there.
   *
   * @param handlers by the names of commands
   * @throws {Error} of Deno.errors
   */
  constructor(path: string, handlers: Readonly<Record<string, ControlHandler>>) {
    this.#path = path;
    this.#handlers = new Map(Object.entries(handlers));
    this.#server = new BoundedServer(
      listenPrivately(path),
      (connection) => this.#serve(connection),
    );
    this.#inode = Deno.lstatSync(path).ino;
  }

  /** Listens no more. The file goes, unless it is another program's by now. */
  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]();
    try {
      if (Deno.lstatSync(this.#path).ino === this.#inode) Deno.removeSync(this.#path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        log.debug("Cannot remove {path}: {reason}", {
          path: this.#path,
          reason: (error as Error).message,
        });
      }
    }
  }

  async #serve(connection: Deno.Conn<Deno.UnixAddr>): Promise<void> {
    const text = await readToEnd(connection, REQUEST_MOST, "\n");
    await writeAll(connection, `${JSON.stringify(await this.#answer(text))}\n`);
  }

  async #answer(text: string): Promise<{ ok: unknown } | { error: string }> {
    try {
      const request = parseRequest(text);
      const handler = this.#handlers.get(request.command);
      if (handler === undefined) return { error: "This program knows no such command" };
      return { ok: await handler(request) ?? null };
    } catch (error) {
      if (error instanceof Failure || error instanceof SyntaxError) return { error: error.message };
      log.error("Cannot answer a request: {reason}", { reason: (error as Error).message });
      return { error: "It failed unexpectedly; its log says more" };
    }
  }
}

/**
 * Opens the control socket of a program. One that cannot be had, as on some file systems, is told of, and
 * done without.
 */
export function openControlSocket(
  program: ProgramName,
  folder: string,
  handlers: Readonly<Record<string, ControlHandler>>,
): ControlSocket | undefined {
  try {
    return new ControlSocket(controlPath(program, folder), handlers);
  } catch (error) {
    log.warn("Nobody can ask this program for its status: {reason}", {
      reason: error instanceof Failure
        ? error.message
        : `cannot listen in ${folder}: ${(error as Error).message}`,
    });
    return undefined;
  }
}

/**
 * Makes the socket in a folder of its own that nobody else can enter, and moves it to its place: there it
 * is for its owner alone from its first moment, whatever the umask, and takes the place of an old one.
 */
function listenPrivately(path: string): Deno.UnixListener {
  const temporary = `${path}${NEW_SUFFIX}`;
  const folder = temporary.slice(0, temporary.lastIndexOf("/"));
  removeIfAny(folder, { recursive: true });
  Deno.mkdirSync(folder, { mode: 0o700 });
  let listener: Deno.UnixListener | undefined;
  try {
    listener = Deno.listen({ transport: "unix", path: temporary });
    Deno.chmodSync(temporary, 0o600);
    Deno.renameSync(temporary, path);
    return listener;
  } catch (error) {
    listener?.close();
    throw error;
  } finally {
    removeIfAny(folder, { recursive: true });
  }
}

/** @throws {SyntaxError} */
function parseRequest(text: string): ControlRequest {
  const request: unknown = JSON.parse(text);
  const { command } = (request ?? {}) as Partial<ControlRequest>;
  if (typeof command === "string") return request as ControlRequest;
  throw new SyntaxError("A request is an object with a command");
}
