import { Failure } from "./failure.ts";
import { readToEnd, writeAll } from "./stream_text.ts";

/** Which of the two programs. */
export type ProgramName = "server" | "client";

/** What is sent to a running program: one line of JSON. */
export interface ControlRequest {
  command: string;
  [value: string]: unknown;
}

/** Bytes of the longest request. */
export const REQUEST_MOST = 4096;

/** Bytes of the longest answer; a thousand peers take half a megabyte. */
const ANSWER_MOST = 64 * 1024 * 1024;

/** Milliseconds that a program has to answer. */
const PATIENCE = 10_000;

/** Bytes of the longest path of a Unix socket (sun_path in unix(7), less its end). */
const PATH_MOST = 107;

/** What is appended to the path for as long as the socket is being made. */
export const NEW_SUFFIX = ".new/s";

/**
 * Where a program with this state folder listens for requests.
 *
 * @throws {Failure} if that is too long for a Unix socket
 */
export function controlPath(program: ProgramName, folder: string): string {
  const path = `${folder}/${program}.sock`;
  const excess = new TextEncoder().encode(path + NEW_SUFFIX).length - PATH_MOST;
  if (excess <= 0) return path;
  throw new Failure(
    `The path of the socket ${path} is ${excess} bytes too long: choose a state folder with a ` +
      "shorter path with --state DIR",
  );
}

/**
 * Asks a running program something.
 *
 * @param folder its state folder
 * @returns what it answers, a value of JSON
 * @throws {Failure} if it does not run, does not answer, or says that it could not be done
 */
export async function ask(
  program: ProgramName,
  folder: string,
  request: ControlRequest,
): Promise<unknown> {
  const path = controlPath(program, folder);
  const connection = await connect(program, folder, path);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    connection.close();
  }, PATIENCE);
  try {
    await writeAll(connection, `${JSON.stringify(request)}\n`);
    return unwrap(JSON.parse(await readToEnd(connection, ANSWER_MOST)));
  } catch (error) {
    if (error instanceof Failure) throw error;
    const what = isLate
      ? `does not answer at ${path}`
      : `gave no answer at ${path} that makes sense`;
    throw new Failure(`simplevpn-${program} ${what}: see its log`);
  } finally {
    clearTimeout(timer);
    if (!isLate) connection.close();
  }
}

/** Whether a program is running with this state folder, and listens. @throws {Failure} */
export async function isRunning(program: ProgramName, folder: string): Promise<boolean> {
  try {
    const connection = await Deno.connect({
      transport: "unix",
      path: controlPath(program, folder),
    });
    connection.close();
    return true;
  } catch (error) {
    if (error instanceof Failure) throw error;
    return false;
  }
}

async function connect(
  program: ProgramName,
  folder: string,
  path: string,
): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    const { NotFound, ConnectionRefused, PermissionDenied } = Deno.errors;
    if (error instanceof NotFound || error instanceof ConnectionRefused) {
      throw new Failure(
        `simplevpn-${program} is not running with the state folder ${folder} (no one listens at ` +
          `${path}): start it, or name its folder with --state DIR`,
      );
    }
    const mend = error instanceof PermissionDenied
      ? `: do this as the user who runs simplevpn-${program}`
      : "";
    throw new Failure(`Cannot reach ${path}: ${(error as Error).message}${mend}`);
  }
}

/** @throws {Failure} if the answer is an error */
function unwrap(answer: unknown): unknown {
  const { ok, error } = (answer ?? {}) as { ok?: unknown; error?: unknown };
  if (typeof error === "string") throw new Failure(error);
  return ok;
}
