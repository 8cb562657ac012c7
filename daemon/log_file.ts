import { effectiveUser } from "../ffi/ownership.ts";
import { Failure } from "./failure.ts";

/** Bytes in a log file at the most; a longer line still goes into one whole. */
const LOG_FILE_MOST = 10 * 1024 * 1024;

/** Files before the present one that are kept, as PATH.1 (the latest) to PATH.5. */
export const LOG_FILES_KEPT = 5;

const ROOT = 0;

/**
 * A log file, for its owner alone, which is rotated before it gets too long. Whoever else renames or
 * removes it, such as logrotate(8), gets a new one at the next line.
 *
 * A file and not the sink of `@logtape/file`: that one gives nobody a choice of mode, and syncs each line
 * to the disk, which wears out memory cards.
 */
export class LogFile {
  readonly #path: string;
  readonly #most: number;
  #file: Deno.FsFile;
  /** Device and inode of what is open. */
  #identity: string;

  /** @throws {Failure} if it cannot be written */
  constructor(path: string, most = LOG_FILE_MOST) {
    this.#path = path;
    this.#most = most;
    try {
      this.#file = open(path);
      this.#identity = identityOf(this.#file.statSync());
    } catch (error) {
      throw new Failure(
        `Cannot log to ${path}: ${(error as Error).message}: choose another file with --log-file`,
      );
    }
  }

  /** Appends a line, which ends with a newline. @throws {Error} of Deno.errors */
  write(line: Uint8Array): void {
    this.#follow(line.length);
    for (let at = 0; at < line.length;) at += this.#file.writeSync(line.subarray(at));
  }

  close(): void {
    this.#file.close();
  }

  /** Opens another file if the present one is not there any more, or gets too long. */
  #follow(length: number): void {
    const present = statIfAny(this.#path);
    if (present !== undefined && identityOf(present) === this.#identity) {
      if (present.size === 0 || present.size + length <= this.#most) return;
      this.#rotate();
    }
    const file = open(this.#path);
    this.#file.close();
    this.#file = file;
    this.#identity = identityOf(file.statSync());
  }

  #rotate(): void {
    for (let i = LOG_FILES_KEPT - 1; i > 0; i--) {
      renameIfAny(`${this.#path}.${i}`, `${this.#path}.${i + 1}`);
    }
    renameIfAny(this.#path, `${this.#path}.1`);
  }
}

function open(path: string): Deno.FsFile {
  const isStrange = isInStrangeFolder(path);
  if (isStrange) checkOrdinary(path);
  const file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  try {
    // Somebody may have put a link there in the meantime.
    if (isStrange) checkOrdinary(path, file);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Whether this is root, who may write all files, and another user can put links in the file's folder. */
function isInStrangeFolder(path: string): boolean {
  if (effectiveUser() !== ROOT) return false;
  return Deno.statSync(path.slice(0, path.lastIndexOf("/") + 1) || ".").uid !== ROOT;
}

/** @throws {Error} if what is at the path, if anything, is no file, or not the one that is open */
function checkOrdinary(path: string, open?: Deno.FsFile): void {
  const present = lstatIfAny(path);
  const isAnother = open !== undefined &&
    (present === undefined || identityOf(present) !== identityOf(open.statSync()));
  if (present?.isFile !== false && !isAnother) return;
  throw new Error("there is a link, or no file, in a folder of another user");
}

function identityOf({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}

function statIfAny(path: string): Deno.FileInfo | undefined {
  return ifAny(() => Deno.statSync(path));
}

function lstatIfAny(path: string): Deno.FileInfo | undefined {
  return ifAny(() => Deno.lstatSync(path));
}

function ifAny<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function renameIfAny(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
