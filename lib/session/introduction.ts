import type { TokenSecrets } from "../config/invite.ts";
import { macKey, writeInitiationDatagram } from "../protocol/datagram.ts";
import {
  frameInitiation,
  PROLOGUES,
  readResponse,
  rekeyPrologue,
  writeInitiation,
} from "../protocol/hello.ts";
import { type Handshake, HandshakeError, Initiator, NO_PSK } from "../protocol/noise.ts";
import { type KeyPair, keyPairOf } from "../protocol/x25519.ts";

export interface IntroductionOptions {
  /** The client's static key. */
  identity: KeyPair;
  /** The server's static public key. */
  server: Uint8Array;
  /** Of the invite, for a client that is not enrolled yet. */
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

/** A client's part of the handshakes of one connection after the other. */
export class Introduction {
  readonly #options: IntroductionOptions;
  readonly #ports: IntroductionPorts;
  #initiator: Initiator | undefined;
  #hash: Uint8Array = NO_PSK;
  #serverTakes = 0;

  constructor(options: IntroductionOptions, ports: IntroductionPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /**
   * The bytes with which a connection begins.
   *
   * @param index of the client's end, over UDP; undefined over TCP
   * @throws {HandshakeError} if the server's key is none
   */
  hello(index?: number): Uint8Array {
    const { invite, address, capabilities } = this.#options;
    const payload = writeInitiation({
      timestamp: this.#ports.timestamp(),
      capabilities,
      invite: invite?.id,
      address,
    });
    const psk = invite?.psk ?? NO_PSK;
    if (index === undefined) return frameInitiation(this.#begin(psk, PROLOGUES.tcp, payload));
    const message = this.#begin(psk, PROLOGUES.udp, payload);
    return writeInitiationDatagram(index, message, macKey(this.#options.server));
  }

  /** The first message of a handshake for new keys. */
  rekey(): Uint8Array {
    return this.#begin(NO_PSK, rekeyPrologue(this.#hash), new Uint8Array(0));
  }

  /**
   * Takes the second message of the handshake that was begun last.
   *
   * @throws {HandshakeError} if the server did not write it, or not as an answer to this handshake
   * @throws {SyntaxError} if it says nothing that makes sense
   */
  complete(message: Uint8Array, isFirst: boolean): Completion {
    const initiator = this.#initiator;
    this.#initiator = undefined;
    if (initiator === undefined) throw new HandshakeError("No answer is awaited");
    const { payload, handshake } = initiator.readResponse(message);
    if (isFirst) this.#serverTakes = readResponse(payload).capabilities;
    this.#hash = handshake.hash;
    return { handshake, capabilities: this.#serverTakes };
  }

  #begin(psk: Uint8Array, prologue: Uint8Array, payload: Uint8Array): Uint8Array {
    const { identity, server } = this.#options;
    const secret = this.#ports.randomKey();
    this.#initiator = new Initiator(identity, keyPairOf(secret), server, psk, prologue);
    secret.fill(0);
    return this.#initiator.writeInitiation(payload);
  }
}
