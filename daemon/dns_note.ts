import { parseJson } from "../lib/config/parse_json.ts";
import { Buffer } from "node:buffer";
import { readNoteIfAny, readStateFile, removeIfAny } from "./state_file.ts";
import { writeNoteAtomically } from "./state_folder.ts";

/** What is in a file's place. */
export type FileState =
  /** `owner` where it has to be a certain one. */
  | { type: "file"; bytes: Uint8Array; mode: number; owner?: { uid: number; gid: number } }
  | { type: "link"; target: string }
  | { type: "nothing" };

/** What a client did to the machine's DNS that would outlive it, and how to undo that. */
export type DnsNote =
  /** The file holds `wrote` in the place of what was before. */
  | { way: "file"; before: FileState; wrote: string }
  /** resolvconf(8) was given an entry of this name. */
  | { way: "resolvconf"; entry: string };

/** The name of the file, in a client's state folder. */
export const DNS_NOTE = "dns.json";

/** The file, in a client's state folder, that lasts as long as what it tells. */
export class DnsNoteFile {
  readonly path: string;

  /** @param folder the client's state folder */
  constructor(folder: string) {
    this.path = `${folder}/${DNS_NOTE}`;
  }

  /** What is to be undone, if anything. @throws {Failure} if there is a file that cannot be read */
  read(): DnsNote | undefined {
    const text = readNoteIfAny(this.path);
    return text === undefined ? undefined : readStateFile(this.path, parseNote, text);
  }

  /** Writes it, so that it is there before what it tells. @throws {Error} of Deno.errors */
  write(note: DnsNote): void {
    writeNoteAtomically(this.path, formatNote(note));
  }

  /** It is undone. */
  remove(): void {
    removeIfAny(this.path);
  }
}

/** Bytes are in base64: nobody promises that a file is UTF-8. */
export function formatNote(note: DnsNote): string {
  const json = JSON.stringify(
    { version: 1, ...note },
    (_, value) => value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
    2,
  );
  return `${json}\n`;
}

/** @throws {SyntaxError} if the text is no note */
export function parseNote(text: string): DnsNote {
  const { version, way, entry, wrote, before } = object(parseJson(text));
  if (version !== 1) throw new SyntaxError("its version is not known");
  if (way === "resolvconf") return { way, entry: string(entry) };
  if (way === "file") return { way, before: parseState(object(before)), wrote: string(wrote) };
  throw new SyntaxError("it tells of nothing that is known");
}

function parseState({ type, bytes, mode, owner, target }: Record<string, unknown>): FileState {
  if (type === "nothing") return { type };
  if (type === "link") return { type, target: string(target) };
  if (type !== "file") throw new SyntaxError("it does not tell what was before");
  const { uid, gid } = object(owner);
  return {
    type,
    bytes: new Uint8Array(Buffer.from(string(bytes), "base64")),
    mode: natural(mode) & 0o777,
    owner: { uid: natural(uid), gid: natural(gid) },
  };
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new SyntaxError("a part of it is missing");
}

function string(value: unknown): string {
  if (typeof value === "string") return value;
  throw new SyntaxError("a text of it is missing");
}

function natural(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new SyntaxError("a number of it is missing");
}
