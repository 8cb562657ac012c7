import { OsError } from "../../ffi/error.ts";
import type { ClientSettings } from "../../lib/config/client_settings.ts";
import { Capability } from "../../lib/protocol/hello.ts";
import { type KeyPair, keyPairOf } from "../../lib/protocol/x25519.ts";
import { Introduction } from "../../lib/session/introduction.ts";
import { ClientState } from "../client_state.ts";
import { Failure } from "../failure.ts";
import { randomKey, readPrivateKey } from "../identity.ts";
import type { JoinPlan } from "../join_plan.ts";
import { readTextIfAny } from "../state_file.ts";

/** As whom the doctor asks a server: as the client, with its key, as far as that can be had. */
export class Caller implements Disposable {
  /** Whether the key is the client's, and not one made up because it has none that can be read. */
  readonly hasKey: boolean;
  readonly identity: KeyPair;
  /** The client's own state, which no other process can use meanwhile. */
  readonly #state: ClientState | undefined;
  #latest = 0;

  /** @param isRunning whether another process is the client now */
  constructor(folder: string, isRunning: boolean) {
    const key = readKey(folder);
    this.hasKey = key !== undefined;
    this.identity = keyPairOf(key ?? randomKey());
    this.#state = isRunning || key === undefined ? undefined : openState(folder);
  }

  /** Whether nobody else can be the client now, so that nobody is sent away when this is let in. */
  get isAlone(): boolean {
    return this.#state !== undefined;
  }

  /** Makes the client's handshakes with the servers of a plan, each by its place there. */
  introduce({ servers, invite }: JoinPlan, { address }: ClientSettings): Introduction {
    const { identity } = this;
    const capabilities = Capability.Parts;
    const keys = servers.map(({ publicKey }) => publicKey);
    return new Introduction(
      { identity, servers: keys, invite, address, capabilities },
      { timestamp: () => this.#timestamp(), randomKey },
    );
  }

  /** Lets another process be the client. */
  [Symbol.dispose](): void {
    this.#state?.[Symbol.dispose]();
  }

  /**
   * The client's next one. Where another process gives these, or they cannot be kept, the clock will do: it
   * is ahead of what was sent, nearly always, and behind what will be.
   */
  #timestamp(): number {
    try {
      if (this.#state !== undefined) return this.#state.nextTimestamp();
    } catch {
      // That the folder cannot be written is said of the folder.
    }
    return this.#latest = Math.max(Date.now(), this.#latest + 1);
  }
}

function readKey(folder: string): Uint8Array | undefined {
  try {
    const path = `${folder}/client.key`;
    const text = readTextIfAny(path);
    return text === undefined ? undefined : readPrivateKey(text, path);
  } catch (error) {
    // Said of the folder.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function openState(folder: string): ClientState | undefined {
  try {
    return new ClientState(folder);
  } catch (error) {
    // A client was started just now, or the folder cannot be written.
    if (error instanceof Failure || error instanceof OsError) return undefined;
    throw error;
  }
}
