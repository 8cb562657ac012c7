import type { FileLock } from "../ffi/file_lock.ts";
import { fromBase64, toBase64 } from "../lib/config/base64.ts";
import type { ServerReference } from "../lib/config/invite.ts";
import { KEY_LENGTH, type KeyPair } from "../lib/protocol/x25519.ts";
import { Failure } from "./failure.ts";
import { loadIdentity } from "./identity.ts";
import { readTextIfAny } from "./state_file.ts";
import { lockStateFile, writeFileAtomically } from "./state_folder.ts";

/**
 * So far ahead of the clock the file is, and of the latest timestamp: not each handshake writes it, of
 * which a client has several every few minutes for years where one of its paths is blocked, often on a
 * memory card. A client that is started again and again stays near the clock all the same.
 */
const AHEAD_OF_CLOCK = 60_000;
const AHEAD_OF_LATEST = 100;

/** File with the server that was joined last. */
export const JOINED_SERVER = "joined.json";

/** File with an invite that "install" left for the first start. */
export const WAITING_INVITE = "invite";

/**
 * What a client keeps in its state folder: its key, the server that it joined, and a timestamp that
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
    const lock = lockStateFile(`${folder}/client.lock`, { wait: false });
    if (lock === undefined) {
      throw new Failure(
        `Another simplevpn-client is running with the state folder ${folder}: end that one first, ` +
          "or give this one a folder, and so an identity, of its own with --state DIR",
      );
    }
    this.#lock = lock;
    this.identity = loadIdentity(`${folder}/client.key`);
    const kept = Number(readTextIfAny(this.#timestampPath));
    this.#timestamp = this.#keptTimestamp = Number.isSafeInteger(kept) ? kept : 0;
  }

  /** @see {joinedServer} */
  get server(): ServerReference | undefined {
    return joinedServer(this.#folder);
  }

  set server(server: ServerReference) {
    const text = formatServer(server);
    const path = serverPath(this.#folder);
    if (text !== readTextIfAny(path)) writeFileAtomically(path, text);
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
      writeFileAtomically(this.#timestampPath, `${this.#keptTimestamp}\n`);
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

/** The server that a state folder's client joined last, if any. @throws {Failure} if the file makes no sense */
export function joinedServer(folder: string): ServerReference | undefined {
  const path = serverPath(folder);
  const text = readTextIfAny(path);
  try {
    return text === undefined ? undefined : parseServer(text);
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

function formatServer({ host, port, publicKey }: ServerReference): string {
  const file = { version: 1, host, port, publicKey: toBase64(publicKey) };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Reads the text of `joined.json`. @throws {SyntaxError} if it is none */
export function parseServer(text: string): ServerReference {
  const file: Record<string, unknown> | null = JSON.parse(text);
  const { version, host, port, publicKey } = file ?? {};
  if (version !== 1 || typeof host !== "string" || !Number.isInteger(port)) {
    throw new SyntaxError("it names no server");
  }
  const key = fromBase64(String(publicKey), KEY_LENGTH);
  return { host, port: port as number, publicKey: key };
}
