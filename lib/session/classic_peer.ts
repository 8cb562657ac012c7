import { UNSPECIFIED } from "../address/ipv4_address.ts";
import {
  classify,
  CONTROL_LENGTH,
  controlSource,
  Kind,
  LOST,
  receiveStream,
  type StreamReceiver,
  writeControl,
} from "../protocol/classic.ts";
import { DropReason, Way } from "./counters.ts";
import type { Server } from "./server.ts";
import type { Transport } from "./transport.ts";

/** A server's end of one classic client's connection. */
export class ClassicPeer implements StreamReceiver {
  /** The client's outer address, as text. */
  readonly source: string;
  /** The inner address that the client has; kept by the server. */
  address: number | undefined;
  /** When anything last came from the client. */
  lastHeard: number;
  readonly #server: Server;
  readonly #transport: Transport;
  readonly #reply = new Uint8Array(CONTROL_LENGTH);
  #closed = false;

  constructor(server: Server, transport: Transport, source: string, now: number) {
    this.#server = server;
    this.#transport = transport;
    this.source = source;
    this.lastHeard = now;
  }

  /**
   * Takes bytes that came over the connection. Returns how many of them are done with; the rest is
   * to be given again, with what comes next behind it.
   */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    this.lastHeard = now;
    const done = receiveStream(this, bytes, offset, length);
    if (done !== LOST) return done;
    this.#server.counters.drop(DropReason.Malformed);
    this.close("sent bytes that are not an IP packet");
    return length;
  }

  /** Sends a packet to the client. */
  deliver(bytes: Uint8Array, offset: number, length: number): void {
    this.#server.counters.pass(Way.ToPeers, length);
    this.#transport.send(bytes, offset, length);
  }

  /** Ends the connection from this side. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#transport.close();
    this.disconnected(reason);
  }

  /** The connection ended from outside. */
  disconnected(reason: string): void {
    this.#closed = true;
    this.#server.disconnect(this, reason);
  }

  /** @see {StreamReceiver} */
  receivePacket(bytes: Uint8Array, offset: number, length: number): boolean {
    switch (classify(bytes, offset, length)) {
      case Kind.Packet:
        this.#server.fromPeer(this, bytes, offset, length);
        break;
      case Kind.Keepalive:
        this.#transport.send(bytes, offset, length);
        break;
      case Kind.DynamicRequest:
        this.#answer(this.#server.allocate(this));
        break;
      case Kind.StaticRequest:
        this.#answerStatic(controlSource(bytes, offset));
        break;
      default:
        this.#server.counters.drop(DropReason.StrayControl);
    }
    return !this.#closed;
  }

  #answerStatic(wanted: number): void {
    const given = this.#server.claim(this, wanted, "static");
    if (!given) this.#server.refused(this, wanted);
    this.#answer(given ? wanted : undefined);
  }

  /** Tells the client its address; the protocol's refusal is to close without a word. */
  #answer(address: number | undefined): void {
    if (address === undefined) return this.close("refused an address");
    writeControl(this.#reply, 0, UNSPECIFIED, address);
    this.#transport.send(this.#reply, 0, CONTROL_LENGTH);
  }
}
