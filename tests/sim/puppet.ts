import { assert } from "@std/assert";
import { LOST, receiveStream, type StreamReceiver } from "../../lib/protocol/classic.ts";
import type { Listener, Network } from "./network.ts";
import type { Session, Wire, WireEnd } from "./wire.ts";

/** One end of a connection that says what a test tells it to say, and nothing else. */
export class Puppet implements Session, StreamReceiver {
  /** What came from the other end. */
  readonly packets: Uint8Array[] = [];
  readonly #end: WireEnd;

  constructor(end: WireEnd) {
    this.#end = end;
    end.attach(this);
  }

  /** Whether the connection ended, from either side. */
  get isClosed(): boolean {
    return this.#end.isClosed;
  }

  /** Sends these units, which need not make sense. */
  send(...units: Uint8Array[]): void {
    for (const unit of units) this.#end.send(unit, 0, unit.length);
  }

  close(): void {
    this.#end.close();
  }

  /** @see {Session} */
  receive(bytes: Uint8Array, offset: number, length: number): number {
    const done = receiveStream(this, bytes, offset, length);
    assert(done !== LOST, "The other end sends whole packets");
    return done;
  }

  /** @see {Session} */
  disconnected(): void {}

  /** @see {StreamReceiver} */
  receivePacket(bytes: Uint8Array, offset: number, length: number): boolean {
    this.packets.push(bytes.slice(offset, offset + length));
    return true;
  }
}

/** A server that does nothing by itself: each connection is a puppet. */
export class PuppetServer implements Listener {
  readonly puppets: Puppet[] = [];

  constructor(network: Network, host: string) {
    network.listen(host, this);
  }

  /** @see {Listener} */
  accept(wire: Wire): void {
    this.puppets.push(new Puppet(wire.server));
  }
}
