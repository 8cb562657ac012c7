import {
  formatResolvConf,
  joinResolvConf,
  parseResolvConf,
  type ResolvConf,
} from "../lib/config/resolv_conf.ts";
import type { DnsNote, DnsNoteFile, FileState } from "./dns_note.ts";
import { removeIfAny } from "./state_file.ts";
import { syncFolder } from "./state_folder.ts";

export const RESOLV_CONF = "/etc/resolv.conf";

/** Bytes of a resolv.conf at the most: more is none. */
const LENGTH_MOST = 256 * 1024;

/** How a text of ours begins, so that no other client takes it for the machine's own. */
const MARK = "Written by simplevpn-client";

type FileNote = Extract<DnsNote, { way: "file" }>;

/**
 * A resolv.conf that is replaced while a client is in its tunnel. Everything is done before a call
 * returns, so that it can be undone while a program ends.
 *
 * A file or a symlink makes way for a new file at once, by rename(2). A file that is a mount of its own,
 * as in a container, cannot; it is written in place.
 */
export class ResolvConfFile {
  readonly #note: DnsNoteFile;
  readonly #path: string;

  constructor(note: DnsNoteFile, path = RESOLV_CONF) {
    this.#note = note;
    this.#path = path;
  }

  /**
   * Makes it say this; the note is there before.
   *
   * @throws {Error} that says in words why it cannot be
   */
  set(wanted: Pick<ResolvConf, "nameservers" | "search"> & { all: boolean }): void {
    const note = this.#note.read();
    const now = this.#look();
    if (note?.way === "file" && !isOurs(now, note)) {
      throw new Error("somebody else changed it since");
    }
    const before = note?.way === "file" ? note.before : now;
    const text = this.#textOf(before);
    if (text.startsWith(`# ${MARK}`)) {
      throw new Error(`another simplevpn-client wrote it: "${text.split("\n", 2).join(" ")}"`);
    }
    const wrote = formatResolvConf(joinResolvConf(parseResolvConf(text), wanted), [
      `${MARK}, which puts back what was here when it ends.`,
      `After a crash "simplevpn-client cleanup" does; it is kept in ${this.#note.path}`,
    ]);
    this.#note.write({ way: "file", before, wrote });
    try {
      this.#put(newFile(before, wrote));
    } catch (error) {
      if (note === undefined) this.#note.remove();
      else this.#note.write(note);
      throw error;
    }
  }

  /**
   * Puts back what was there before, unless somebody else changed it since. Then the note is gone.
   *
   * @returns whether it is as it was; undefined if it never was changed
   * @throws {Error} that says why it cannot be; then the note is still there
   */
  restore(): boolean | undefined {
    const note = this.#note.read();
    if (note?.way !== "file") return undefined;
    const ours = isOurs(this.#look(), note);
    if (ours) this.#put(note.before);
    this.#note.remove();
    return ours;
  }

  #look(): FileState {
    try {
      const { isSymlink, mode, uid, gid } = Deno.lstatSync(this.#path);
      if (isSymlink) return { type: "link", target: Deno.readLinkSync(this.#path) };
      const bytes = Deno.readFileSync(this.#path);
      if (bytes.length > LENGTH_MOST) throw new Error(`it has ${bytes.length} bytes`);
      return { type: "file", bytes, mode: mode! & 0o777, owner: { uid: uid!, gid: gid! } };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { type: "nothing" };
      throw error;
    }
  }

  /** What a program reads there; a link's file may have changed since, and that is what counts. */
  #textOf(state: FileState): string {
    if (state.type === "file") return new TextDecoder().decode(state.bytes);
    if (state.type === "nothing") return "";
    const isAbsolute = state.target.startsWith("/");
    const target = isAbsolute ? state.target : `${folderOf(this.#path)}/${state.target}`;
    try {
      return Deno.readTextFileSync(target);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  #put(state: FileState): void {
    if (state.type === "nothing") return removeIfAny(this.#path);
    const temporary = `${this.#path}.simplevpn`;
    try {
      make(temporary, state);
      Deno.renameSync(temporary, this.#path);
      syncFolder(folderOf(this.#path));
    } catch (error) {
      removeIfAny(temporary);
      // Nothing can be moved over a mount point (rename(2)).
      if ((error as { code?: string }).code !== "EBUSY" || state.type !== "file") throw error;
      write(this.#path, state.bytes, { write: true, truncate: true });
    }
  }
}

/** Like the file before; one in the place of a link, or of nothing, is everybody's to read. */
function newFile(before: FileState, text: string): FileState {
  const bytes = new TextEncoder().encode(text);
  if (before.type === "file") return { ...before, bytes };
  return { type: "file", bytes, mode: 0o644 };
}

/** Whether a file is as it was left, be it half written or half put back when the program was killed. */
function isOurs(now: FileState, { before, wrote }: FileNote): boolean {
  if (now.type !== "file") return JSON.stringify(now) === JSON.stringify(before);
  const isBegin = (whole: Uint8Array): boolean => now.bytes.every((byte, i) => byte === whole[i]);
  return isBegin(new TextEncoder().encode(wrote)) ||
    before.type === "file" && isBegin(before.bytes);
}

function make(path: string, state: Exclude<FileState, { type: "nothing" }>): void {
  removeIfAny(path);
  if (state.type === "link") return Deno.symlinkSync(state.target, path);
  write(path, state.bytes, { write: true, createNew: true, mode: 0o600 });
  const { owner } = state;
  const present = Deno.statSync(path);
  if (owner !== undefined && (owner.uid !== present.uid || owner.gid !== present.gid)) {
    Deno.chownSync(path, owner.uid, owner.gid);
  }
  Deno.chmodSync(path, state.mode);
}

function write(path: string, bytes: Uint8Array, options: Deno.OpenOptions): void {
  const file = Deno.openSync(path, options);
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  } finally {
    file.close();
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
