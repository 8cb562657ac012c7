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
import { IPV4_MAX_LENGTH } from "../packet/ipv4.ts";
import { type Offload, WHOLE } from "../packet/offload.ts";
import type { Connection, Stage } from "./connection.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { MAX_ADDRESS_CHANGES } from "./limits.ts";
import { latestRoundTrip, type PathReport, type PeerReport } from "./report.ts";
import type { Member } from "./router.ts";
import type { Server } from "./server.ts";

/** A server's end of one classic client's connection. */
export class ClassicPeer implements Stage, Member, StreamReceiver {
  readonly connection: Connection;
  /** @see {Member} */
  readonly counters: Counters;
  /** The inner address that the client has; kept by the server. */
  address: number | undefined;
  readonly #server: Server;
  readonly #reply = new Uint8Array(CONTROL_LENGTH);
  readonly #begun: number;
  #lastHeard: number;
  /** Whether a keepalive that came in this turn has been returned: one answer is enough for all. */
  #echoed = false;
  #requests = 0;

  constructor(server: Server, connection: Connection, now: number) {
    this.#server = server;
    this.connection = connection;
    this.counters = server.counters.part();
    this.#begun = this.#lastHeard = now;
  }

  /** How the connection fares, for a person; undefined for one without an address. */
  report(now: number): PeerReport | undefined {
    const { address, connection: { transport } } = this;
    if (address === undefined) return undefined;
    const [age, counts] = [now - this.#begun, this.counters.copy()];
    const path: PathReport = {
      carrier: "tcp",
      isActive: true,
      remote: transport.remote,
      age,
      silence: now - this.#lastHeard,
      roundTrip: latestRoundTrip(undefined, transport, now),
      counts,
    };
    return { identity: undefined, name: undefined, address, age, counts, paths: [path] };
  }

  /** The client's outer address, as text. */
  get source(): string {
    return this.connection.origin.host;
  }

  /** @see {Member} */
  get isolated(): boolean {
    return this.#server.isolate;
  }

  /** @see {Stage} */
  get deadline(): number {
    return this.#lastHeard + this.#server.timing.timeout;
  }

  /** @see {Stage} */
  advance(now: number): void {
    if (now < this.deadline) return;
    this.close(`silent for ${Math.round(this.#server.timing.timeout / 1000)} s`);
  }

  /** @see {Stage} */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    this.#lastHeard = now;
    this.#echoed = false;
    if (this.address === undefined) this.#server.heardClassic(this.connection);
    const done = receiveStream(this, bytes, offset, length);
    if (done !== LOST) return done;
    this.counters.drop(DropReason.Malformed);
    this.close("sent bytes that are not an IP packet");
    return length;
  }

  /** @see {Member} */
  get hasRoom(): boolean {
    return this.connection.transport.hasRoom(IPV4_MAX_LENGTH);
  }

  /** @see {Member} */
  deliver(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    const { segmenter } = this.#server.channels;
    if (!segmenter.segment(bytes, offset, length, offload, this.#deliverWhole)) {
      this.counters.drop(DropReason.Unsupported);
    }
  }

  /** A client that never asked gets the free address that it sends from. */
  adopt(source: number): boolean {
    return this.address === undefined &&
      this.#server.classicAddresses.claim(this, source, "adopted");
  }

  /** Ends the connection from this side. */
  close(reason: string): void {
    this.connection.close(reason);
  }

  /** @see {Stage} */
  ended(reason: string): void {
    if (this.address === undefined) this.#server.strangerLeft(this.connection, reason, false);
    else this.#server.classicAddresses.release(this, reason);
  }

  /** @see {StreamReceiver} */
  receivePacket(bytes: Uint8Array, offset: number, length: number): boolean {
    switch (classify(bytes, offset, length)) {
      case Kind.Packet:
        this.counters.pass(Way.FromPeers, length);
        this.#server.router.fromMember(this, bytes, offset, length, WHOLE);
        break;
      case Kind.Keepalive:
        if (!this.#echoed) this.#send(bytes, offset, length);
        this.#echoed = true;
        break;
      case Kind.DynamicRequest:
        this.#answer(this.#server.classicAddresses.allocate(this));
        break;
      case Kind.StaticRequest:
        this.#answerStatic(controlSource(bytes, offset));
        break;
      default:
        this.counters.drop(DropReason.StrayControl);
    }
    return !this.connection.isClosed;
  }

  #answerStatic(wanted: number): void {
    if (wanted !== this.address && ++this.#requests > MAX_ADDRESS_CHANGES) {
      return this.close("asked for too many addresses");
    }
    const given = this.#server.classicAddresses.claim(this, wanted, "static");
    if (!given) this.#server.classicAddresses.refused(this, wanted);
    this.#answer(given ? wanted : undefined);
  }

  /** Tells the client its address; the protocol's refusal is to close without a word. */
  #answer(address: number | undefined): void {
    if (address === undefined) return this.close("refused an address");
    writeControl(this.#reply, 0, UNSPECIFIED, address);
    this.#send(this.#reply, 0, CONTROL_LENGTH);
  }

  readonly #deliverWhole = (bytes: Uint8Array, offset: number, length: number): void => {
    this.counters.pass(Way.ToPeers, length);
    this.#send(bytes, offset, length);
  };

  #send(bytes: Uint8Array, offset: number, length: number): void {
    const { transport } = this.connection;
    const taken = transport.hasRoom(length) && transport.send(bytes, offset, length);
    if (!taken) this.counters.drop(DropReason.OutboxFull);
  }
}
