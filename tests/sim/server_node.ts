import { WHOLE } from "../../lib/packet/offload.ts";
import { Segmenter } from "../../lib/packet/segmentation.ts";
import { formatIpv4 } from "../../lib/address/ipv4_address.ts";
import { Leases } from "../../lib/address/leases.ts";
import { parseIpv6Prefix } from "../../lib/address/ipv6_prefix.ts";
import { parseIpv4Prefix } from "../../lib/address/ipv4_prefix.ts";
import type { RoutingTable } from "../../lib/routing/table.ts";
import { nodeCipher } from "../../lib/protocol/node_cipher.ts";
import { Batches } from "../../lib/session/batches.ts";
import { ClassicPeer } from "../../lib/session/classic_peer.ts";
import type { Connection } from "../../lib/session/connection.ts";
import { Counters } from "../../lib/session/counters.ts";
import {
  KEEPALIVE_INTERVAL,
  MAX_CONNECTIONS,
  MAX_LEASES,
  SERVER_TIMEOUT,
} from "../../lib/session/limits.ts";
import type { ServerReport } from "../../lib/session/report.ts";
import type { Member } from "../../lib/session/router.ts";
import { Server } from "../../lib/session/server.ts";
import type { ServerEvent } from "../../lib/session/server_event.ts";
import type { ServerOptions, ServerTerms } from "../../lib/session/server_ports.ts";
import { Doorkeeper } from "./doorkeeper.ts";
import type { Listener, Network } from "./network.ts";
import { type Told, toldOf } from "./told.ts";
import type { Wire } from "./wire.ts";

/** Batches that can be filled at a time: few, so that they run short now and then. */
const BATCHES = 3;

/** What a server tells its clients if a test says nothing else. */
export const PUSH: ServerOptions["push"] = { mtu: 1400, routes: [], dns: [], searchDomains: [] };

export interface ServerNodeOptions
  extends Partial<Omit<ServerOptions, "network" | "network6" | "leases" | "publicKey">> {
  network?: string;
  /** No IPv6 by default. */
  network6?: string;
  /** What it can take, as bits of Capability; none by default. */
  capabilities?: number;
}

/**
 * Sees each unit that a server sends on: from whose connection it came and to whose it goes,
 * undefined for the TUN device.
 */
export type Inspector = (
  unit: Uint8Array,
  from: Connection | undefined,
  to: Connection | undefined,
) => void;

/** A machine with a server on it. Its leases and its registry outlast the server, as in files. */
export class ServerNode implements Listener {
  /** What the server handed to its TUN device. */
  readonly tun: Uint8Array[] = [];
  readonly events: Told<ServerEvent>[] = [];
  readonly counters = new Counters();
  /** The main thread. */
  readonly door: Doorkeeper;
  inspect: Inspector = () => {};
  readonly #network: Network;
  readonly #host: string;
  readonly #options: ServerOptions;
  readonly #capabilities: number;
  readonly #leases = new Leases(MAX_LEASES);
  readonly #batches = new Batches(new Uint8Array(BATCHES * Batches.SLOT), 0, BATCHES);
  /** By what the server tells: the addresses of classic clients, and those of the others by their names. */
  readonly #leased = new Set<number>();
  readonly #named = new Map<string, number>();
  #wires = new Map<Connection, Wire>();
  #server: Server;
  /** The connection whose bytes the server is working on. */
  #speaking: Connection | undefined;

  constructor(network: Network, host: string, options: ServerNodeOptions = {}) {
    this.#network = network;
    this.#host = host;
    this.#capabilities = options.capabilities ?? 0;
    const prefix = parseIpv4Prefix(options.network ?? "10.0.0.0/24");
    this.door = new Doorkeeper(network, prefix, this.#capabilities);
    this.#options = {
      publicKey: this.door.identity.publicKey,
      timing: { keepalive: KEEPALIVE_INTERVAL, timeout: SERVER_TIMEOUT },
      maxConnections: MAX_CONNECTIONS,
      classic: false,
      isolate: false,
      push: PUSH,
      ...options,
      network: prefix,
      network6: options.network6 === undefined ? undefined : parseIpv6Prefix(options.network6),
      leases: this.#leases,
    };
    this.#server = this.#start();
  }

  /** The connections that are there. */
  get connections(): Connection[] {
    return [...this.#wires].filter(([_, wire]) => !wire.server.isClosed).map(([it]) => it);
  }

  /** The addresses that clients have, by what the server tells. */
  get held(): Set<number> {
    return new Set([...this.#leased, ...this.#named.values()]);
  }

  /** Who owns which addresses. */
  get table(): RoutingTable<Member> {
    return this.#server.router.table;
  }

  /** The addresses of the classic clients that are there. */
  get classicAddresses(): number[] {
    return this.connections.flatMap((connection) => classicAddress(connection) ?? []);
  }

  /** Who joined, how, and who left, in order. */
  get changes(): string[] {
    return this.events.flatMap((event) => {
      if (event.type === "joined") return [`${formatIpv4(event.address)} ${event.grant}`];
      if (event.type === "left") return [`${formatIpv4(event.address)} left`];
      return [];
    });
  }

  /** When the server has something to do at the earliest. */
  get deadline(): number {
    return this.#server.deadline;
  }

  advance(now: number): void {
    this.#server.advance(now);
  }

  /** How its connections fare. */
  report(): ServerReport {
    return this.#server.report(this.#network.clock.now);
  }

  endTurn(): void {
    this.#batches.flush();
  }

  /** A packet comes from the TUN device. */
  send(packet: Uint8Array): void {
    this.#server.fromTun(packet, 0, packet.length, WHOLE);
  }

  /** Starts a server anew, with what is known from before. */
  start(): void {
    this.#server = this.#start();
  }

  /** Somebody changes the configuration file while the server runs. */
  change(terms: Partial<ServerTerms>): void {
    Object.assign(this.#options, terms);
    const { timing, maxConnections, isolate, push } = this.#options;
    this.#server.change({ timing, maxConnections, isolate, push }, this.#network.clock.now);
  }

  /** Ends the server, which closes its connections. */
  stop(): void {
    this.#server.stop();
    this.#network.clock.forget(this);
    this.#network.unlisten(this.#host);
    this.#batches.flush();
    this.#network.datagrams.unbind(this.#host);
    this.door.close();
    for (const wire of this.#wires.values()) wire.server.close();
    this.#wires.clear();
    this.#leased.clear();
    this.#named.clear();
  }

  /** Ends the server without a word to anybody. */
  powerCut(): void {
    for (const wire of this.#wires.values()) wire.silence();
    this.#network.datagrams.unbind(this.#host);
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
    const connection = this.#server.connect(
      {
        remote: source,
        roundTrip: end.roundTrip,
        send: (bytes, offset, length) => {
          this.inspect(bytes.slice(offset, offset + length), this.#speaking, connection);
          return end.send(bytes, offset, length);
        },
        hasRoom: (length) => end.hasRoom(length),
        mute: () => end.mute(),
        abort: () => end.abort(),
        close: () => end.close(),
        unitLimit: end.unitLimit,
        quality: () => end.quality(),
      },
      { host: source, network: source.slice(0, source.lastIndexOf(".")) },
      clock.now,
    );
    if (connection === undefined) return;
    this.#wires.set(connection, wire);
    end.attach({
      receive: (...given) => this.#hear(connection, ...given),
      disconnected: (reason) => connection.disconnected(reason),
    });
  }

  #start(): Server {
    const { clock } = this.#network;
    const server: Server = new Server(
      { ...this.#options, leases: new Leases(MAX_LEASES, this.#leases) },
      {
        toTun: (bytes, offset, length) => this.#toTun(bytes.slice(offset, offset + length)),
        report: (event) => this.#report(event),
        ...this.door.serve(() => server),
        randomKey: () => this.#network.random.bytes(32),
      },
      {
        suite: nodeCipher,
        batches: this.#batches,
        counters: this.counters,
        capabilities: this.#capabilities,
        segmenter: new Segmenter(),
        clock,
      },
    );
    clock.drive(this);
    this.#network.listen(this.#host, this);
    this.#network.datagrams.bind(this.#host, server.datagrams);
    return server;
  }

  #hear(
    connection: Connection,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): number {
    this.#speaking = connection;
    const done = connection.receive(bytes, offset, length, now);
    this.#speaking = undefined;
    return done;
  }

  #toTun(packet: Uint8Array): void {
    this.inspect(packet, this.#speaking, undefined);
    this.tun.push(packet);
  }

  #report(event: ServerEvent): void {
    if (event.type === "joined") this.#joined(event);
    else if (event.type === "left") this.#left(event);
    this.events.push({ ...event, time: this.#network.clock.now });
  }

  #joined({ address, source, name }: ServerEvent & { type: "joined" }): void {
    // Secure clients have their addresses in the registry, which may give them others.
    if (name !== undefined) return void this.#named.set(name, address);
    this.#leases.remember(address, source);
    this.#leased.add(address);
  }

  #left({ address, name }: ServerEvent & { type: "left" }): void {
    if (name !== undefined) return void this.#named.delete(name);
    this.#leases.renew(address);
    this.#leased.delete(address);
  }
}

/** The address of a classic client. */
export function classicAddress(connection: Connection | undefined): number | undefined {
  const stage = connection?.stage;
  return stage instanceof ClassicPeer ? stage.address : undefined;
}
