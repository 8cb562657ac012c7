import { Failure } from "./failure.ts";

/** Where programs keep what must survive a restart: system-wide for root, else the user's own. */
export function defaultStateFolder(): string {
  if (Deno.uid() === 0) return "/var/lib/simplevpn";
  const told = Deno.env.get("XDG_STATE_HOME") ?? "";
  // The XDG Base Directory Specification wants a relative one ignored.
  const base = told.startsWith("/") ? told : `${Deno.env.get("HOME") ?? ""}/.local/state`;
  return `${base}/simplevpn`;
}

/** Bit of a mode: everybody may make and remove files. */
const OTHERS_WRITE = 0o002;

const ROOT = 0;

/**
 * Makes the folder, for its owner alone, if it is not there.
 *
 * @throws {Failure} if it cannot be used, or others could put links and files of theirs in it
 */
export function openStateFolder(path: string): string {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    const probe = Deno.makeTempFileSync({ dir: path, prefix: ".probe-" });
    const self = Deno.statSync(probe).uid;
    Deno.removeSync(probe);
    const { uid, mode } = Deno.statSync(path);
    if ((uid === self || uid === ROOT) && (mode! & OTHERS_WRITE) === 0) return path;
    throw new Error("other users could put files there");
  } catch (error) {
    throw new Failure(
      `Cannot keep state in ${path}: ${(error as Error).message}: choose a folder with --state DIR`,
    );
  }
}

/**
 * Writes a file so that at any moment, also after a crash, either the old or the new text is there
 * whole: temporary file, sync, rename. Only its owner can read it.
 *
 * @throws {Error} of Deno.errors if the folder cannot be written
 */
export function writeFileAtomically(path: string, text: string): void {
  const temporary = `${path}.new`;
  const file = Deno.openSync(temporary, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  } finally {
    file.close();
  }
  Deno.renameSync(temporary, path);
  syncFolder(path.slice(0, path.lastIndexOf("/") + 1) || ".");
}

function syncFolder(path: string): void {
  const folder = Deno.openSync(path, { read: true });
  try {
    folder.syncSync();
  } finally {
    folder.close();
  }
}
