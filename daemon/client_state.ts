import { parseJson } from "../lib/config/parse_json.ts";
import type { FileLock } from "../ffi/file_lock.ts";
import { fromBase64, toBase64 } from "../lib/config/base64.ts";
import type { ServerReference } from "../lib/config/invite.ts";
import { KEY_LENGTH, type KeyPair } from "../lib/protocol/x25519.ts";
import { Failure } from "./failure.ts";
import { loadIdentity } from "./identity.ts";
import { holdFolder } from "./program_lock.ts";
import { readTextIfAny, writeIfPossible } from "./state_file.ts";

/**
 * So far ahead of the clock the file is, and of the latest timestamp: not each handshake writes it, of
 * which a client has several every few minutes for years where one of its paths is blocked, often on a
 * memory card. A client that is started again and again stays near the clock all the same.
 */
const AHEAD_OF_CLOCK = 60_000;
const AHEAD_OF_LATEST = 100;

/** File with the servers that were used last. */
export const JOINED_SERVER = "joined.json";

/** File with an invite that "install" left for the first start. */
export const WAITING_INVITE = "invite";

/** Servers that are remembered at the most besides those that are in use. */
const MOST_KNOWN = 16;

/** What the file about servers holds. */
export interface JoinedServers {
  /** Those that were used last, the preferred one first. */
  servers: readonly ServerReference[];
  /** Others that were used before. */
  known: readonly ServerReference[];
}

/**
 * What a client keeps in its state folder: its key, the servers that it joined, and a timestamp that
 * no handshake's is beyond.
 */
export class ClientState implements Disposable {
  readonly identity: KeyPair;
  readonly #folder: string;
  readonly #lock: FileLock;
  #timestamp: number;
  #keptTimestamp: number;

  /** Makes the key if there is none. @throws {Failure} if another client uses the folder */
  constructor(folder: string) {
    this.#folder = folder;
    this.#lock = holdFolder("client", folder);
    this.identity = loadIdentity(`${folder}/client.key`);
    const kept = Number(readTextIfAny(this.#timestampPath));
    this.#timestamp = this.#keptTimestamp = Number.isSafeInteger(kept) ? kept : 0;
  }

  /** The servers that were used last, the preferred one first. @throws {Failure} if the file makes no sense */
  get servers(): readonly ServerReference[] {
    return this.#joined.servers;
  }

  set servers(servers: readonly ServerReference[]) {
    const before = this.#joined;
    const known = [...before.servers, ...before.known]
      .filter((server) => !servers.some((other) => isSame(server, other)))
      .slice(0, MOST_KNOWN);
    const text = formatServers({ servers, known });
    const path = serverPath(this.#folder);
    if (text === readTextIfAny(path)) return;
    writeIfPossible(path, text, "the next start needs -s and --server-key");
  }

  /** All servers of which this client has the key. @throws {Failure} if the file makes no sense */
  get known(): readonly ServerReference[] {
    const { servers, known } = this.#joined;
    return [...servers, ...known];
  }

  get #joined(): JoinedServers {
    return joinedServers(this.#folder);
  }

  /** @see {waitingInvite} */
  get waitingInvite(): string | undefined {
    return waitingInvite(this.#folder);
  }

  /** Says that this client is in: no invite is needed any more. */
  forgetInvite(): void {
    try {
      Deno.removeSync(`${this.#folder}/${WAITING_INVITE}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /**
   * A number that is greater than any before, also where the clock went back: a board without a
   * battery starts with an old time.
   */
  nextTimestamp(): number {
    this.#timestamp = Math.max(Date.now(), this.#timestamp + 1);
    if (this.#timestamp > this.#keptTimestamp) {
      const latest = this.#timestamp + AHEAD_OF_LATEST;
      this.#keptTimestamp = Math.max(latest, Date.now() + AHEAD_OF_CLOCK);
      writeIfPossible(
        this.#timestampPath,
        `${this.#keptTimestamp}\n`,
        "after a restart servers turn this client away for as long as its clock is behind",
      );
    }
    return this.#timestamp;
  }

  /** Lets another client use the folder. */
  [Symbol.dispose](): void {
    this.#lock.close();
  }

  get #timestampPath(): string {
    return `${this.#folder}/timestamp`;
  }
}

/** What a state folder's file about servers holds. @throws {Failure} if it makes no sense */
export function joinedServers(folder: string): JoinedServers {
  const path = serverPath(folder);
  const text = readTextIfAny(path);
  try {
    return text === undefined ? { servers: [], known: [] } : parseServers(text);
  } catch (error) {
    throw new Failure(
      `Cannot make sense of ${path}: ${(error as Error).message}: mend or remove it`,
    );
  }
}

/** The invite that waits in a state folder to be used, if any. @throws {Failure} if it cannot be read */
export function waitingInvite(folder: string): string | undefined {
  return readTextIfAny(`${folder}/${WAITING_INVITE}`);
}

function serverPath(folder: string): string {
  return `${folder}/${JOINED_SERVER}`;
}

function isSame(one: ServerReference, other: ServerReference): boolean {
  return one.host === other.host && one.port === other.port;
}

/** The first server stands where a program that knows of one alone looks for it. */
function formatServers({ servers: [first, ...others], known }: JoinedServers): string {
  const file = {
    version: 1,
    ...writable(first!),
    others: others.map(writable),
    known: known.map(writable),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

function writable({ host, port, publicKey }: ServerReference): Record<string, unknown> {
  return { host, port, publicKey: toBase64(publicKey) };
}

/** Reads the text of `joined.json`. @throws {SyntaxError} if it is none */
export function parseServers(text: string): JoinedServers {
  const file = parseJson(text) as Record<string, unknown> | null;
  const { version, others = [], known = [] } = file ?? {};
  if (version !== 1 || !Array.isArray(others) || !Array.isArray(known)) {
    throw new SyntaxError("it names no server");
  }
  return { servers: [file, ...others].map(parseServer), known: known.map(parseServer) };
}

/** @throws {SyntaxError} */
function parseServer(value: unknown): ServerReference {
  const { host, port, publicKey } = (value ?? {}) as Record<string, unknown>;
  if (typeof host !== "string" || !Number.isInteger(port)) {
    throw new SyntaxError("it names no server");
  }
  return { host, port: port as number, publicKey: fromBase64(String(publicKey), KEY_LENGTH) };
}
