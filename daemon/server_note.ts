import { DEFAULT_PORT } from "../lib/config/options.ts";
import type { ServerSettings } from "../lib/config/settings.ts";
import { readStateFile } from "./state_file.ts";
import { writeFileAtomically } from "./state_folder.ts";

/** What commands beside the server have to know of it, from `server.json` of its state folder. */
export interface ServerNote {
  port: number;
  /** The one address that it listens on; all of them if undefined. */
  listen?: string | undefined;
}

/** Leaves a note of how the server was started last. */
export function writeServerNote(folder: string, { port, listen }: ServerSettings): void {
  writeFileAtomically(
    `${folder}/server.json`,
    `${JSON.stringify({ version: 1, port, listen }, null, 2)}\n`,
  );
}

/** Reads the note; the defaults if there is none yet. */
export function readServerNote(folder: string): ServerNote {
  return readStateFile(`${folder}/server.json`, parseNote) ?? { port: DEFAULT_PORT };
}

function parseNote(text: string): ServerNote {
  const note: { port?: unknown; listen?: unknown } | null = JSON.parse(text);
  const { port, listen } = note ?? {};
  const valid = Number.isInteger(port) && (listen === undefined || typeof listen === "string");
  if (!valid) throw new SyntaxError("It is no note of a server");
  return { port: port as number, listen: listen as string | undefined };
}
