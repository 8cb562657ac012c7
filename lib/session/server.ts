import {
  isLoopback,
  isMulticast,
  LIMITED_BROADCAST,
  UNSPECIFIED,
} from "../address/ipv4_address.ts";
import { Leases } from "../address/leases.ts";
import { Pool } from "../address/pool.ts";
import type { Prefix } from "../address/prefix.ts";
import { Ipv4Packet } from "../packet/ipv4.ts";
import { RoutingTable } from "../routing/table.ts";
import { ClassicPeer } from "./classic_peer.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import type { Transport } from "./transport.ts";
import { reasonAgainst } from "./unaddressed.ts";

/** How a client came by its address. */
export type Grant = "dynamic" | "static" | "adopted";

/** What a person may want to know of a server's clients. Addresses are inner, sources outer ones. */
export type ServerEvent =
  | { type: "joined"; address: number; source: string; grant: Grant }
  | { type: "left"; address: number; source: string; reason: string }
  | { type: "refused"; address: number; source: string }
  | { type: "exhausted"; capacity: number }
  | { type: "stranger"; source: string; reason: string };

/** What a server needs of the world around it. */
export interface ServerPorts {
  /** Hands one packet to the TUN device; the bytes are taken before the call returns. */
  toTun(bytes: Uint8Array, offset: number, length: number): void;
  report(event: ServerEvent): void;
}

export interface ServerOptions {
  network: Prefix;
  /** Known leases, all in `network`; kept up to date. */
  leases: Leases;
  /** A client not heard for this many milliseconds is dropped. */
  timeout: number;
  /** Connections kept at the most. */
  maxConnections: number;
}

/**
 * A server: owns the addresses, checks where packets come from, decides where they go, and drops
 * clients that fall silent. It has no clock and no sockets: whoever drives it passes the time in
 * milliseconds of one monotonic clock.
 */
export class Server {
  readonly counters: Counters;
  readonly timeout: number;
  readonly #network: Prefix;
  readonly #pool: Pool;
  readonly #maxConnections: number;
  readonly #ports: ServerPorts;
  readonly #routes = new RoutingTable<ClassicPeer>();
  readonly #peers = new Set<ClassicPeer>();
  readonly #packet = new Ipv4Packet();
  #exhausted = false;
  #deadline = Infinity;

  /** @throws {RangeError} if the network has no address for a client */
  constructor(options: ServerOptions, ports: ServerPorts, counters: Counters) {
    this.counters = counters;
    this.timeout = options.timeout;
    this.#network = options.network;
    this.#pool = new Pool(options.network, Pool.serverAddress(options.network), options.leases);
    this.#maxConnections = options.maxConnections;
    this.#ports = ports;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return this.#deadline;
  }

  /**
   * A connection from `source` was made. Returns its peer, or undefined (and the transport closed)
   * if there are too many connections by clients that have an address.
   */
  connect(transport: Transport, source: string, now: number): ClassicPeer | undefined {
    if (this.#peers.size >= this.#maxConnections && !this.#dropStranger()) {
      transport.close();
      this.#ports.report({ type: "stranger", source, reason: "too many connections" });
      return undefined;
    }
    const peer = new ClassicPeer(this, transport, source, now);
    this.#peers.add(peer);
    this.#deadline = Math.min(this.#deadline, now + this.timeout);
    return peer;
  }

  /** Drops the clients that have been silent for too long by `now`. */
  advance(now: number): void {
    if (now < this.#deadline) return;
    let earliest = Infinity;
    for (const peer of this.#peers) {
      const deadline = peer.lastHeard + this.timeout;
      if (deadline <= now) peer.close(`silent for ${Math.round(this.timeout / 1000)} s`);
      else earliest = Math.min(earliest, deadline);
    }
    this.#deadline = earliest;
  }

  /** Passes on a packet that the TUN device gave. */
  fromTun(bytes: Uint8Array, offset: number, length: number): void {
    this.counters.pass(Way.FromTun, length);
    const reason = this.#checkHeader(bytes, offset, length);
    if (reason !== undefined) return this.counters.drop(reason);
    const owner = this.#routes.ownerOf(this.#packet.destination);
    if (owner === undefined) this.counters.drop(DropReason.NoRoute);
    else owner.deliver(bytes, offset, length);
  }

  /** Passes on a packet that a client sent, if its source address is the client's own. */
  fromPeer(peer: ClassicPeer, bytes: Uint8Array, offset: number, length: number): void {
    this.counters.pass(Way.FromPeers, length);
    const reason = this.#checkHeader(bytes, offset, length) ?? this.#checkSource(peer);
    if (reason !== undefined) return this.counters.drop(reason);
    const owner = this.#routes.ownerOf(this.#packet.destination);
    if (owner === undefined) this.#ports.toTun(bytes, offset, length);
    else owner.deliver(bytes, offset, length);
  }

  /** Gives `peer` an address, the one that it has if any. Returns undefined if none is left. */
  allocate(peer: ClassicPeer): number | undefined {
    if (peer.address !== undefined) return peer.address;
    const address = this.#pool.allocate(peer.source);
    if (address === undefined) {
      if (!this.#exhausted) {
        this.#ports.report({ type: "exhausted", capacity: this.#pool.capacity });
      }
      this.#exhausted = true;
      return undefined;
    }
    this.#bind(peer, address, "dynamic");
    return address;
  }

  /** Gives `peer` this very address, in place of the one that it has. Returns false if it is not free. */
  claim(peer: ClassicPeer, address: number, grant: Grant): boolean {
    if (peer.address === address) return true;
    if (!this.#pool.claim(address, peer.source)) return false;
    this.#release(peer, "asked for another address");
    this.#bind(peer, address, grant);
    return true;
  }

  /** Tells that `peer` asked for an address that it cannot have. */
  refused(peer: ClassicPeer, address: number): void {
    this.#ports.report({ type: "refused", address, source: peer.source });
  }

  /** Forgets a peer whose connection is gone. */
  disconnect(peer: ClassicPeer, reason: string): void {
    if (!this.#peers.delete(peer)) return;
    if (peer.address === undefined) {
      this.#ports.report({ type: "stranger", source: peer.source, reason });
    }
    this.#release(peer, reason);
  }

  #bind(peer: ClassicPeer, address: number, grant: Grant): void {
    peer.address = address;
    this.#routes.add(address, peer);
    this.#ports.report({ type: "joined", address, source: peer.source, grant });
  }

  #release(peer: ClassicPeer, reason: string): void {
    const { address, source } = peer;
    if (address === undefined) return;
    peer.address = undefined;
    this.#routes.delete(address);
    this.#pool.release(address);
    this.#exhausted = false;
    this.#ports.report({ type: "left", address, source, reason });
  }

  /** Makes room by dropping the connection without an address that has been silent for longest. */
  #dropStranger(): boolean {
    let oldest: ClassicPeer | undefined;
    for (const peer of this.#peers) {
      if (peer.address === undefined && peer.lastHeard < (oldest?.lastHeard ?? Infinity)) {
        oldest = peer;
      }
    }
    oldest?.close("too many connections");
    return oldest !== undefined;
  }

  /** Points the view at the packet and says why it may not pass, whoever sent it. */
  #checkHeader(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    const packet = this.#packet;
    if (!packet.set(bytes, offset, length)) return reasonAgainst(bytes, offset, length);
    const destination = packet.destination;
    if (
      isMulticast(destination) || destination === LIMITED_BROADCAST ||
      destination === this.#network.last || destination === this.#network.first
    ) {
      return DropReason.Multicast;
    }
    if (isLoopback(destination) || destination === UNSPECIFIED) {
      return DropReason.DestinationAddress;
    }
    return undefined;
  }

  #checkSource(peer: ClassicPeer): DropReason | undefined {
    const source = this.#packet.source;
    if (source === peer.address) return undefined;
    const adopted = peer.address === undefined && this.claim(peer, source, "adopted");
    return adopted ? undefined : DropReason.SourceAddress;
  }
}
