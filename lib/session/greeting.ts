import { ipVersion } from "../packet/ipv4.ts";
import { helloLength, INCOMPLETE, LOST, messageOfHello } from "../protocol/hello.ts";
import type { Connection, Stage } from "./connection.ts";
import { DropReason } from "./counters.ts";
import type { Answer } from "./gatekeeper.ts";
import { HANDSHAKE_TIMEOUT } from "./limits.ts";
import type { SecurePeer } from "./secure_peer.ts";
import { StreamPeer } from "./stream_peer.ts";
import type { Server } from "./server.ts";
import type { StreamTransport } from "./transport.ts";

/**
 * A connection's first stage: its first bytes tell classic clients from secure ones. Whatever is wrong
 * with them looks the same from outside: nothing happens, until the time for it is over.
 */
export class Greeting implements Stage {
  readonly deadline: number;
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #transport: StreamTransport;
  #asked = false;

  constructor(server: Server, connection: Connection, transport: StreamTransport, now: number) {
    this.#server = server;
    this.#connection = connection;
    this.#transport = transport;
    this.deadline = now + HANDSHAKE_TIMEOUT;
  }

  /** @see {Stage} */
  advance(now: number): void {
    if (now >= this.deadline) this.#connection.abort("did not show who it is in time");
  }

  /** @see {Stage} */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    if (this.#asked) return length;
    if (this.#server.isClassic && isIp(bytes, offset)) {
      return this.#server.beginClassic(this.#connection, now).receive(bytes, offset, length, now);
    }
    const hello = helloLength(bytes, offset, length);
    if (hello === INCOMPLETE) return 0;
    this.#asked = true;
    // Nothing may follow a hello before it is answered.
    if (hello === LOST || hello !== length) this.refuse();
    else this.#server.hello(this.#connection, messageOfHello(bytes.slice(offset, offset + hello)));
    return length;
  }

  /** Lets the connection wait for its end. */
  refuse(): void {
    this.#server.counters.drop(DropReason.Refused);
    this.#connection.transport.mute();
  }

  welcome(answer: Answer, now: number): SecurePeer {
    return new StreamPeer(this.#server, this.#connection, this.#transport, answer, now);
  }

  /** @see {Stage} */
  ended(reason: string): void {
    this.#server.strangerLeft(this.#connection, reason, this.#asked);
  }
}

function isIp(bytes: Uint8Array, offset: number): boolean {
  const version = ipVersion(bytes, offset);
  return version === 4 || version === 6;
}
