import type { Connection, Stage } from "./connection.ts";
import { DropReason } from "./counters.ts";
import { DatagramPeer } from "./datagram_peer.ts";
import type { Answer } from "./gatekeeper.ts";
import { HANDSHAKE_TIMEOUT } from "./limits.ts";
import type { SecurePeer } from "./secure_peer.ts";
import type { Server } from "./server.ts";
import type { DatagramTransport } from "./transport.ts";

/** A connection over UDP that has begun with an initiation, while the gatekeeper looks at that. */
export class Knock implements Stage {
  readonly deadline: number;
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #transport: DatagramTransport;
  readonly #index: number;

  /** @param index by which the client knows its end */
  constructor(
    server: Server,
    connection: Connection,
    transport: DatagramTransport,
    index: number,
    now: number,
  ) {
    this.#server = server;
    this.#connection = connection;
    this.#transport = transport;
    this.#index = index;
    this.deadline = now + HANDSHAKE_TIMEOUT;
  }

  /** @see {Stage} */
  advance(now: number): void {
    if (now >= this.deadline) this.#connection.close("did not show who it is in time");
  }

  /** @see {Stage} */
  receive(_bytes: Uint8Array, _offset: number, length: number): number {
    this.#server.counters.drop(DropReason.Forged);
    return length;
  }

  /** The initiation deserves no answer, and whoever sent it hears nothing. */
  refuse(): void {
    this.#server.counters.drop(DropReason.Refused);
    this.#connection.close("is not known here, or sent an old initiation");
  }

  welcome(answer: Answer, now: number): SecurePeer {
    return new DatagramPeer(
      this.#server,
      this.#connection,
      this.#transport,
      this.#index,
      answer,
      now,
    );
  }

  /** @see {Stage} */
  ended(reason: string): void {
    this.#server.strangerLeft(this.#connection, reason, true);
  }
}
