import type { TokenSecrets } from "../config/invite.ts";
import { macKey, writeInitiationDatagram } from "../protocol/datagram.ts";
import {
  frameInitiation,
  PROLOGUES,
  readResponse,
  rekeyPrologue,
  SESSION_LENGTH,
  writeInitiation,
} from "../protocol/hello.ts";
import { uintValue } from "../protocol/items.ts";
import { type Handshake, HandshakeError, Initiator, NO_PSK } from "../protocol/noise.ts";
import { type KeyPair, keyPairOf } from "../protocol/x25519.ts";

/** Bytes of a session's number in its name. */
const NUMBER_LENGTH = 4;

export interface IntroductionOptions {
  /** The client's static key. */
  identity: KeyPair;
  /** The static public keys of the servers; one at the least. */
  servers: readonly Uint8Array[];
  /** Of the invite to the first server, for a client that is not enrolled there yet. */
  invite?: TokenSecrets | undefined;
  /** The inner address to ask for. */
  address?: number | undefined;
  /** What this end can take, as bits of Capability. */
  capabilities: number;
}

/** A handshake that went well. */
export interface Completion {
  handshake: Handshake;
  /** What the server can take, as bits of Capability. */
  capabilities: number;
}

export interface IntroductionPorts {
  /** A number greater than any it gave before, of milliseconds since 1970 where the clock allows. */
  timestamp(): number;
  /** 32 random bytes. */
  randomKey(): Uint8Array;
}

/** How far the handshakes of one connection have come. */
interface Progress {
  /** The public key of the server that it leads to. */
  readonly server: Uint8Array;
  /** Of the handshake whose answer is awaited. */
  initiator: Initiator | undefined;
  /** Hash of the latest handshake that went well, to which the next one is bound. */
  hash: Uint8Array | undefined;
  serverTakes: number;
}

/** A client's part of the handshakes of its connections, which may go on side by side. */
export class Introduction {
  readonly #options: IntroductionOptions;
  readonly #ports: IntroductionPorts;
  /** At random. */
  readonly #instance: Uint8Array;
  /** Of a client that is not enrolled yet. */
  #invite: TokenSecrets | undefined;
  /** By the connection's link. */
  readonly #links = new Map<number, Progress>();

  constructor(options: IntroductionOptions, ports: IntroductionPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#instance = ports.randomKey();
    this.#invite = options.invite;
  }

  /**
   * The bytes with which a connection begins.
   *
   * @param server that it leads to, by its place among them
   * @param session number of the session that it is to be a path of
   * @param index of the client's end, over UDP; undefined over TCP
   * @throws {HandshakeError} if the server's key is none
   */
  hello(link: number, server: number, session: number, index?: number): Uint8Array {
    const { servers, address, capabilities } = this.#options;
    const invite = server === 0 ? this.#invite : undefined;
    const payload = writeInitiation({
      timestamp: this.#ports.timestamp(),
      capabilities,
      invite: invite?.id,
      address,
      session: this.#sessionName(session),
    });
    const progress: Progress = {
      server: servers[server]!,
      initiator: undefined,
      hash: undefined,
      serverTakes: 0,
    };
    this.#links.set(link, progress);
    const psk = invite?.psk ?? NO_PSK;
    if (index === undefined) {
      return frameInitiation(this.#begin(progress, psk, PROLOGUES.tcp, payload));
    }
    const message = this.#begin(progress, psk, PROLOGUES.udp, payload);
    return writeInitiationDatagram(index, message, macKey(progress.server));
  }

  /** The first message of a handshake for new keys, over a connection that has some. */
  rekey(link: number): Uint8Array {
    const progress = this.#links.get(link)!;
    return this.#begin(progress, NO_PSK, rekeyPrologue(progress.hash!), new Uint8Array(0));
  }

  /**
   * Takes the second message of the handshake that was begun last over a connection.
   *
   * @throws {HandshakeError} if the server did not write it, or not as an answer to this handshake
   * @throws {SyntaxError} if it says nothing that makes sense
   */
  complete(link: number, message: Uint8Array): Completion {
    const progress = this.#links.get(link);
    if (progress?.initiator === undefined) throw new HandshakeError("No answer is awaited");
    const { initiator } = progress;
    progress.initiator = undefined;
    const { payload, handshake } = initiator.readResponse(message);
    if (progress.hash === undefined) progress.serverTakes = readResponse(payload).capabilities;
    progress.hash = handshake.hash;
    return { handshake, capabilities: progress.serverTakes };
  }

  /** A server let this client in: the first one knows the key from now on, and may forget the invite. */
  enrolled(server: number): void {
    if (server === 0) this.#invite = undefined;
  }

  /** A connection is gone. */
  forget(link: number): void {
    this.#links.delete(link);
  }

  /** No other program of this client's gives a session the same name. */
  #sessionName(session: number): Uint8Array {
    const name = new Uint8Array(SESSION_LENGTH);
    name.set(this.#instance.subarray(0, SESSION_LENGTH - NUMBER_LENGTH));
    name.set(uintValue(session, NUMBER_LENGTH), SESSION_LENGTH - NUMBER_LENGTH);
    return name;
  }

  #begin(
    progress: Progress,
    psk: Uint8Array,
    prologue: Uint8Array,
    payload: Uint8Array,
  ): Uint8Array {
    const { identity } = this.#options;
    const secret = this.#ports.randomKey();
    const initiator = new Initiator(identity, keyPairOf(secret), progress.server, psk, prologue);
    secret.fill(0);
    progress.initiator = initiator;
    return initiator.writeInitiation(payload);
  }
}
