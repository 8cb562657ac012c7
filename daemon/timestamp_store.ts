import { parseJson } from "../lib/config/parse_json.ts";
import { fromBase64, toBase64 } from "../lib/config/base64.ts";
import { KEY_LENGTH } from "../lib/protocol/x25519.ts";
import { DeferredFile, readStateFile } from "./state_file.ts";

/**
 * The latest handshake timestamp of each peer, in `timestamps.json` of a server's state folder, so that
 * a copy of an old handshake is one also after a restart.
 */
export class TimestampStore {
  readonly #timestamps: Map<string, number>;
  readonly #file: DeferredFile;

  constructor(folder: string) {
    const path = `${folder}/timestamps.json`;
    this.#timestamps = new Map(readStateFile(path, parseTimestamps));
    this.#file = new DeferredFile(path, () => formatTimestamps(this.#timestamps));
  }

  get(publicKey: string): number | undefined {
    return this.#timestamps.get(publicKey);
  }

  set(publicKey: string, timestamp: number): void {
    this.#timestamps.set(publicKey, timestamp);
    this.#file.changed();
  }

  /** Forgets all but these peers. */
  keep(publicKeys: ReadonlySet<string>): void {
    for (const key of this.#timestamps.keys()) {
      if (!publicKeys.has(key)) this.#timestamps.delete(key);
    }
  }

  /** Writes what is not written yet. */
  close(): void {
    this.#file.close();
  }
}

/** The text of `timestamps.json`. */
function formatTimestamps(timestamps: ReadonlyMap<string, number>): string {
  return `${JSON.stringify({ version: 1, timestamps: Object.fromEntries(timestamps) }, null, 2)}\n`;
}

/** Reads the text of `timestamps.json`. @throws {SyntaxError} if it is none */
export function parseTimestamps(text: string): [string, number][] {
  const file = parseJson(text) as { version?: unknown; timestamps?: unknown } | null;
  if (file?.version !== 1 || typeof file.timestamps !== "object" || file.timestamps === null) {
    throw new SyntaxError("It is no file of timestamps of version 1");
  }
  return Object.entries(file.timestamps).map(([key, timestamp]) => {
    if (!Number.isSafeInteger(timestamp)) throw new SyntaxError("A timestamp is no number");
    return [toBase64(fromBase64(key, KEY_LENGTH)), timestamp as number];
  });
}
