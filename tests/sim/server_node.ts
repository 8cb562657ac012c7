import { formatIpv4 } from "../../lib/address/ipv4_address.ts";
import { Leases } from "../../lib/address/leases.ts";
import { parsePrefix } from "../../lib/address/prefix.ts";
import type { ClassicPeer } from "../../lib/session/classic_peer.ts";
import { Counters } from "../../lib/session/counters.ts";
import { MAX_CONNECTIONS, MAX_LEASES, SERVER_TIMEOUT } from "../../lib/session/limits.ts";
import { Server, type ServerEvent } from "../../lib/session/server.ts";
import type { Listener, Network } from "./network.ts";
import { type Told, toldOf } from "./told.ts";
import type { Wire } from "./wire.ts";

export interface ServerNodeOptions {
  network?: string;
  maxConnections?: number;
}

/**
 * Sees each unit that a server sends on: from whom it came and to whom it goes, undefined for the
 * TUN device.
 */
export type Inspector = (
  unit: Uint8Array,
  from: ClassicPeer | undefined,
  to: ClassicPeer | undefined,
) => void;

/** A machine with a server on it. Its leases outlast the server, as in a file. */
export class ServerNode implements Listener {
  /** What the server handed to its TUN device. */
  readonly tun: Uint8Array[] = [];
  readonly events: Told<ServerEvent>[] = [];
  readonly counters = new Counters();
  /** The addresses that clients have, by what the server tells. */
  readonly held = new Set<number>();
  inspect: Inspector = () => {};
  readonly #network: Network;
  readonly #host: string;
  readonly #options: ServerNodeOptions;
  readonly #leases = new Leases(MAX_LEASES);
  #wires = new Map<ClassicPeer, Wire>();
  #server: Server;
  /** The peer whose bytes the server is working on. */
  #speaking: ClassicPeer | undefined;

  constructor(network: Network, host: string, options: ServerNodeOptions = {}) {
    this.#network = network;
    this.#host = host;
    this.#options = options;
    this.#server = this.#start();
  }

  /** The clients whose connections are there. */
  get peers(): ClassicPeer[] {
    return [...this.#wires].filter(([_, wire]) => !wire.server.isClosed).map(([peer]) => peer);
  }

  /** Who joined, how, and who left, in order. */
  get changes(): string[] {
    return this.events.flatMap((event) => {
      if (event.type === "joined") return [`${formatIpv4(event.address)} ${event.grant}`];
      if (event.type === "left") return [`${formatIpv4(event.address)} left`];
      return [];
    });
  }

  /** A packet comes from the TUN device. */
  send(packet: Uint8Array): void {
    this.#server.fromTun(packet, 0, packet.length);
  }

  /** Starts a server anew, with the leases that are known. */
  start(): void {
    this.#server = this.#start();
  }

  /** Ends the server, which closes its connections. */
  stop(): void {
    this.#network.clock.forget(this.#server);
    this.#network.unlisten(this.#host);
    for (const wire of this.#wires.values()) wire.server.close();
    this.#wires.clear();
    this.held.clear();
  }

  /** Ends the server without a word to anybody. */
  powerCut(): void {
    for (const wire of this.#wires.values()) wire.silence();
    this.stop();
  }

  /** The events of one type, in order. */
  told<Type extends ServerEvent["type"]>(type: Type): Told<ServerEvent & { type: Type }>[] {
    return toldOf(this.events, type);
  }

  /** @see {Listener} */
  accept(wire: Wire, source: string): void {
    const { clock } = this.#network;
    const { server: end } = wire;
    const peer = this.#server.connect(
      {
        send: (bytes, offset, length) => {
          this.inspect(bytes.slice(offset, offset + length), this.#speaking, peer);
          end.send(bytes, offset, length);
        },
        close: () => end.close(),
      },
      source,
      clock.now,
    );
    if (peer === undefined) return;
    this.#wires.set(peer, wire);
    end.attach({
      receive: (...given) => this.#hear(peer, ...given),
      disconnected: (reason) => peer.disconnected(reason),
    });
  }

  #start(): Server {
    const { network = "10.0.0.0/24", maxConnections = MAX_CONNECTIONS } = this.#options;
    const server = new Server(
      {
        network: parsePrefix(network),
        leases: new Leases(MAX_LEASES, this.#leases),
        timeout: SERVER_TIMEOUT,
        maxConnections,
      },
      {
        toTun: (bytes, offset, length) => this.#toTun(bytes.slice(offset, offset + length)),
        report: (event) => this.#report(event),
      },
      this.counters,
    );
    this.#network.clock.drive(server);
    this.#network.listen(this.#host, this);
    return server;
  }

  #hear(
    peer: ClassicPeer,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): number {
    this.#speaking = peer;
    const done = peer.receive(bytes, offset, length, now);
    this.#speaking = undefined;
    return done;
  }

  #toTun(packet: Uint8Array): void {
    this.inspect(packet, this.#speaking, undefined);
    this.tun.push(packet);
  }

  #report(event: ServerEvent): void {
    if (event.type === "joined") {
      this.#leases.remember(event.address, event.source);
      this.held.add(event.address);
    } else if (event.type === "left") {
      this.#leases.renew(event.address);
      this.held.delete(event.address);
    }
    this.events.push({ ...event, time: this.#network.clock.now });
  }
}
