import { Errno, OsError } from "../ffi/error.ts";
import { effectiveUser } from "../ffi/ownership.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import { readRegularFile } from "./regular_file.ts";
import { writeFileAtomically } from "./state_folder.ts";

const ROOT = 0;

/** Milliseconds from one writing of a file to the next at the least. */
const WRITE_INTERVAL = 1000;

/**
 * A file that follows what happens: written at once when that is rare, and once a second when it is
 * not, so that no client can wear a memory card out.
 */
export class DeferredFile {
  readonly #path: string;
  readonly #text: () => string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #changed = false;

  /** @param text gives what is to be written, when it is written */
  constructor(path: string, text: () => string) {
    this.#path = path;
    this.#text = text;
  }

  /** Says that the text is another one now. */
  changed(): void {
    this.#changed = true;
    this.#timer ??= this.#writeAndWait();
  }

  /** Writes what is not written yet. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#changed) this.#write();
  }

  #writeAndWait(): ReturnType<typeof setTimeout> {
    this.#write();
    return setTimeout(() => {
      this.#timer = this.#changed ? this.#writeAndWait() : undefined;
    }, WRITE_INTERVAL);
  }

  #write(): void {
    this.#changed = false;
    writeIfPossible(this.#path, this.#text(), "what it should hold would not survive a restart");
  }
}

/**
 * Writes a file that a program can go on without: a disk that is full must not end it.
 *
 * @param loss what comes of it if the file cannot be written, for the log
 */
export function writeIfPossible(path: string, text: string, loss: string): void {
  try {
    writeFileAtomically(path, text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log.error("{reason}: {loss}", { reason: error.message, loss });
  }
}

/**
 * The text of a file that root acts by, or undefined if there is none: nobody else may have written it,
 * whoever the folder belongs to (@see {writeNoteAtomically}).
 *
 * @throws {Failure} if it cannot be read, or is another user's
 */
export function readNoteIfAny(path: string): string | undefined {
  const self = effectiveUser();
  return readIfAny(path, (uid) => self !== ROOT || uid === ROOT);
}

/** The text of a file, or undefined if there is none. @throws {Failure} if it cannot be read */
export function readTextIfAny(path: string): string | undefined {
  return readIfAny(path, () => true);
}

function readIfAny(path: string, mayBeOf: (uid: number) => boolean): string | undefined {
  try {
    return readRegularFile(path, mayBeOf);
  } catch (error) {
    if (!(error instanceof OsError)) {
      throw new Failure(`Cannot read ${path}: ${(error as Error).message}`);
    }
    if (error.errno === Errno.ENOENT) return undefined;
    throw new Failure(`Cannot read ${path}: ${error.reason}`);
  }
}

/** Removes a file or a folder, if it is there. @throws {Error} of Deno.errors */
export function removeIfAny(path: string, options: Deno.RemoveOptions = {}): void {
  try {
    Deno.removeSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Reads a file that can be done without: one that is damaged is set aside, and said so.
 *
 * @param parse throws a SyntaxError if the text is no such file
 * @param text what is in it, if that was read already
 * @throws {Failure} if there is a file that cannot be read
 */
export function readStateFile<T>(
  path: string,
  parse: (text: string) => T,
  text = readTextIfAny(path),
): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const aside = `${path}.damaged`;
    Deno.renameSync(path, aside);
    log.error("{path} is damaged ({reason}): starting without it, kept it as {aside}", {
      path,
      reason: error.message,
      aside,
    });
    return undefined;
  }
}
