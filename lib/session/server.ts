import type { Leases } from "../address/leases.ts";
import { Pool } from "../address/pool.ts";
import { isIpv4 } from "../address/ip_address.ts";
import type { Prefix } from "../address/prefix.ts";
import { ipv6Beside, type TunnelNetworks } from "../address/tunnel_networks.ts";
import { readUint32 } from "../packet/ipv4.ts";
import type { Offload } from "../packet/offload.ts";
import { CloseReason, type Configuration, MAX_LIST } from "../protocol/control.ts";
import { datagramIndex, DatagramType, datagramType } from "../protocol/datagram.ts";
import type { Carrier } from "../protocol/hello.ts";
import { Backpressure } from "./backpressure.ts";
import { ClassicPeer } from "./classic_peer.ts";
import { IcmpErrors } from "./icmp_errors.ts";
import { Connection, type Origin, type Stage } from "./connection.ts";
import type { Counters } from "./counters.ts";
import { DatagramDoor, type DatagramSender } from "./datagram_door.ts";
import { DatagramPeer } from "./datagram_peer.ts";
import type { Admission, Answer, Verdict } from "./gatekeeper.ts";
import { Greeting } from "./greeting.ts";
import { HandshakeLimit } from "./handshake_limit.ts";
import { Knock } from "./knock.ts";
import { MAX_STRANGER_REPORTS, MAX_STRANGERS, MAX_STRANGERS_PER_NETWORK } from "./limits.ts";
import type { LivenessTiming } from "./liveness.ts";
import type { PeerSession } from "./peer_session.ts";
import { PeerSessions, type PeerSessionsOwner } from "./peer_sessions.ts";
import type { ServerReport } from "./report.ts";
import { Router } from "./router.ts";
import type { ChannelContext } from "./secure_channel.ts";
import { SecurePeer } from "./secure_peer.ts";
import { Strangers } from "./strangers.ts";
import type { StreamTransport, Transport } from "./transport.ts";

/** How a client came by its address. */
export type Grant = "dynamic" | "static" | "adopted" | "enrolled";

/** What a person may want to know of a server's clients. Addresses are inner, sources outer ones. */
export type ServerEvent =
  /** `name` for those that have shown who they are. */
  | { type: "joined"; address: number; source: string; grant: Grant; name?: string }
  | { type: "left"; address: number; source: string; reason: string; name?: string }
  /** What goes to a client that has two paths goes over this carrier from now on. */
  | {
    type: "moved";
    address: number;
    source: string;
    name: string;
    carrier: Carrier;
    reason: string;
  }
  | { type: "refused"; address: number; source: string }
  | { type: "exhausted"; capacity: number }
  /** There are as many connections as there may be, all of clients that have shown who they are. */
  | { type: "full"; connections: number; source: string }
  | { type: "stranger"; source: string; reason: string }
  /** A network behind a peer is another peer's already. */
  | { type: "overlap"; name: string; prefix: string };

/** What a server needs of the world around it. */
export interface ServerPorts {
  /** Hands one packet to the TUN device; the bytes are taken before the call returns. */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  report(event: ServerEvent): void;
  /** Hands a connection's first message to the gatekeeper; `answered()` answers. */
  hello(connection: number, message: Uint8Array, carrier: Carrier): void;
  /** Tells the gatekeeper that the client proved what it said; `judged()` answers. */
  confirmed(connection: number): void;
  /** Hands a message for new keys to the gatekeeper; `rekeyed()` answers. */
  rekey(connection: number, message: Uint8Array): void;
  /** Tells the gatekeeper that a connection which it has heard of is gone. */
  closed(connection: number): void;
  /** 32 random bytes. */
  randomKey(): Uint8Array;
}

export interface ServerOptions extends TunnelNetworks {
  /** The server's static public key. */
  publicKey: Uint8Array;
  /** Known leases of classic clients, all in `network`; kept up to date. */
  leases: Leases;
  /** A client not heard for `timeout` is dropped. */
  timing: LivenessTiming;
  /** Connections kept at the most. */
  maxConnections: number;
  /** Whether classic clients are served as well. */
  classic: boolean;
  /** Whether clients reach the server's side only, not each other. */
  isolate: boolean;
  /** What all secure clients are told. */
  push: Pick<Configuration, "mtu" | "routes" | "dns" | "searchDomains">;
}

/** What of a server's options can become another while it runs. */
export type ServerTerms = Pick<ServerOptions, "timing" | "maxConnections" | "isolate" | "push">;

/** Milliseconds from one look at all connections to the next, at the least. */
const SCAN_INTERVAL = 50;

/**
 * A server: takes connections, lets those in who may, and drops clients that fall silent. It has no
 * clock and no sockets: whoever drives it passes the time in milliseconds of one monotonic clock.
 */
export class Server {
  readonly counters: Counters;
  readonly router: Router;
  readonly channels: ChannelContext;
  readonly isClassic: boolean;
  #options: ServerOptions;
  readonly #ports: ServerPorts;
  readonly #pool: Pool;
  readonly #connections = new Map<number, Connection>();
  readonly #strangers = new Strangers(MAX_STRANGERS, MAX_STRANGERS_PER_NETWORK);
  readonly #handshakes = new HandshakeLimit();
  readonly #door: DatagramDoor;
  readonly #icmp = new IcmpErrors();
  /** Whose datagrams are being received. */
  #receiving: DatagramPeer | undefined;
  readonly #sessions: PeerSessions;
  readonly #backpressure = new Backpressure();
  #exhausted = false;
  /** Whether somebody was turned away since a connection ended last. */
  #full = false;
  /** Reports of strangers in this second: they cost strangers nothing, and the log's reader time. */
  #strangersTold = { count: 0, until: 0 };
  #deadline = Infinity;

  /** @throws {RangeError} if the network has no address for a client */
  constructor(options: ServerOptions, ports: ServerPorts, channels: ChannelContext) {
    this.counters = channels.counters;
    this.channels = channels;
    this.isClassic = options.classic;
    this.#options = options;
    this.#ports = ports;
    this.#pool = new Pool(options.network, Pool.serverAddress(options.network), options.leases);
    this.router = new Router(
      options.network,
      (bytes, offset, length, offload) => ports.toTun(bytes, offset, length, offload),
      this.counters,
    );
    this.#sessions = new PeerSessions(this.#sessionsOwner(), options, this.router.table);
    const { now } = channels.clock;
    const random = (): Uint8Array => ports.randomKey();
    const { publicKey } = options;
    this.#door = new DatagramDoor(publicKey, this.#handshakes, random, now, this.counters);
  }

  get timing(): LivenessTiming {
    return this.#options.timing;
  }

  get isolate(): boolean {
    return this.#options.isolate;
  }

  /** The last byte of all connections' indices. */
  get indexTag(): number {
    return this.#door.indexTag;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return Math.min(this.#deadline, this.#backpressure.deadline);
  }

  /** Whether to read the TUN device on, or to leave its packets there for a moment. */
  get mayRead(): boolean {
    return this.#backpressure.mayRead(this.channels.clock.now);
  }

  /**
   * A connection from `origin` was made. Returns it, or undefined (and the transport closed) if there
   * are too many connections by clients that have shown who they are.
   */
  connect(transport: StreamTransport, origin: Origin, now: number): Connection | undefined {
    return this.#open(
      transport,
      origin,
      (connection) => new Greeting(this, connection, transport, now),
    );
  }

  /**
   * Takes one datagram that came; `settle()` follows when all that came together were given. What is
   * no client's is counted, and nothing else happens.
   */
  receiveDatagram(
    bytes: Uint8Array,
    offset: number,
    length: number,
    sender: DatagramSender,
    now: number,
  ): void {
    const type = datagramType(bytes, offset, length);
    const peer = type === DatagramType.Data ? this.#peerOf(bytes, offset) : undefined;
    if (peer !== undefined) return this.#receive(peer, bytes, offset, length);
    const initiation = this.#door.examine(bytes, offset, length, sender, now);
    if (initiation === undefined) return;
    const transport = sender.transport();
    const { index, message } = initiation;
    const connection = this.#open(
      transport,
      sender.origin(),
      (connection) => new Knock(this, connection, transport, index, now),
    );
    if (connection !== undefined) this.#ports.hello(connection.id, message, "udp");
  }

  /** All datagrams that came together were given. */
  settle(): void {
    this.#receiving?.settle();
    this.#receiving = undefined;
  }

  /** Does what is due by `now`: pings, and the end of what was silent for too long. */
  advance(now: number): void {
    if (now < this.#deadline) return;
    let earliest = Infinity;
    for (const connection of this.#connections.values()) {
      if (connection.deadline <= now) connection.advance(now);
      if (!connection.isClosed) earliest = Math.min(earliest, connection.deadline);
    }
    this.#deadline = Math.max(earliest, now + SCAN_INTERVAL);
  }

  /** Passes on a packet that the TUN device gave. */
  fromTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    const receiver = this.router.fromTun(bytes, offset, length, offload);
    if (receiver !== undefined) this.#backpressure.sent(receiver, length, this.channels.clock.now);
  }

  /** The gatekeeper's answer to a hello; undefined if there is none. */
  answered(id: number, answer: Answer | undefined, now: number): void {
    const connection = this.#connections.get(id);
    const stage = connection?.stage;
    if (!(stage instanceof Greeting || stage instanceof Knock)) return;
    if (answer === undefined) return stage.refuse();
    connection!.enter(stage.welcome(answer, now));
    this.#expect(connection!);
  }

  /** The gatekeeper's word on a client, when it has proved who it is and whenever that changes. */
  judged(id: number, verdict: Verdict): void {
    const connection = this.#connections.get(id);
    if (!(connection?.stage instanceof SecurePeer)) return;
    connection.stage.judge(verdict);
    this.#expect(connection);
  }

  /** The gatekeeper's answer to a message for new keys. */
  rekeyed(id: number, answer: Answer | undefined): void {
    const connection = this.#connections.get(id);
    if (!(connection?.stage instanceof SecurePeer)) return;
    if (answer === undefined) return connection.stage.expel(CloseReason.ProtocolViolation);
    connection.stage.rekeyed(answer);
    this.#expect(connection);
  }

  /** Addresses that are secure clients', whether connected or not, and given to nobody else. */
  reserve(addresses: readonly number[]): void {
    this.#pool.reserve(addresses);
  }

  /** Goes by other terms from now on; tells secure clients if that means anything for them. */
  change(terms: ServerTerms, now: number): void {
    const { push, timing, isolate } = this.#options;
    this.#options = { ...this.#options, ...terms };
    const isForAll = JSON.stringify([terms.push, terms.timing]) !== JSON.stringify([push, timing]);
    // Who is kept apart from others is told of no networks behind them.
    const isForSome = terms.isolate !== isolate;
    if (!isForAll && !isForSome) return;
    for (const { stage } of this.#connections.values()) {
      if (!(stage instanceof SecurePeer)) continue;
      if (isForAll || stage.hasNetworksBeyond) stage.changeTerms();
    }
    this.#deadline = now;
  }

  /** How its connections fare, for a person. */
  report(now: number): ServerReport {
    const classic = [...this.#connections.values()].flatMap(({ stage }) =>
      stage instanceof ClassicPeer ? stage.report(now) ?? [] : []
    );
    const connections = this.#connections.size;
    return { peers: [...this.#sessions.report(now), ...classic], connections };
  }

  /** Tells all secure clients that the server stops. */
  stop(): void {
    this.#sessions.expel(CloseReason.Stopping);
  }

  // What follows is for the stages of this server's connections.

  beginClassic(connection: Connection, now: number): ClassicPeer {
    const peer = new ClassicPeer(this, connection, now);
    connection.enter(peer);
    this.#expect(connection);
    return peer;
  }

  hello(connection: Connection, message: Uint8Array): void {
    this.#strangers.touch(connection);
    const { origin } = connection;
    if (!this.#handshakes.allows(origin.network, this.channels.clock.now)) {
      return connection.abort("too many handshakes");
    }
    this.#ports.hello(connection.id, message, "tcp");
  }

  confirmed(connection: Connection): void {
    this.#strangers.delete(connection);
    this.#expect(connection);
    this.#ports.confirmed(connection.id);
  }

  rekey(connection: Connection, message: Uint8Array): void {
    this.#ports.rekey(connection.id, message);
  }

  /** Lets a connection in, as a path of a session. */
  admit(peer: SecurePeer, admission: Admission): PeerSession {
    return this.#sessions.admit(peer, admission);
  }

  /** What a client is told to use. */
  configurationFor(admission: Admission): Configuration {
    const { push, network, network6 } = this.#options;
    const { name, address } = admission;
    const address6 = ipv6Beside(address, this.#options);
    return {
      ...push,
      ...this.timing,
      name,
      address: { address, prefixLength: network.length },
      address6: address6 && { address: address6, prefixLength: network6!.length },
      routes: this.#routesFor(admission),
      dns: push.dns.filter((server) => isIpv4(server) || network6 !== undefined),
      prefixes: this.#sessions.routesOf(admission),
    };
  }

  /**
   * Networks that a client reaches by this server: those behind it, and those behind other clients, not
   * those behind itself.
   */
  #routesFor({ beyond, routes: own }: Admission): Prefix[] {
    const { push } = this.#options;
    const all = this.#sessions.carried([...push.routes, ...this.isolate ? [] : beyond]);
    const unique = new Map(all.map((route) => [`${route}`, route]));
    for (const route of own) unique.delete(`${route}`);
    return [...unique.values()].slice(0, MAX_LIST);
  }

  /** A packet is longer than a client's path takes: tells whoever sent it (RFC 1191, RFC 8201). */
  tooLong(bytes: Uint8Array, offset: number, length: number, most: number): void {
    const error = this.#icmp.tooLong(bytes, offset, length, most, this.channels.clock.now);
    if (error > 0) this.router.fromServer(this.#icmp.bytes, IcmpErrors.OFFSET, error);
  }

  /**
   * A secure client's connection is gone.
   *
   * @param session what it was a path of, if it was let in
   */
  peerLeft(
    peer: SecurePeer,
    session: PeerSession | undefined,
    connection: Connection,
    reason: string,
  ): void {
    this.#ports.closed(connection.id);
    if (session === undefined) return this.#reportStranger(connection, reason);
    session.remove(peer, reason);
    if (session.active !== undefined) return;
    this.#backpressure.forget(session);
    this.#sessions.remove(session);
    const { address, name } = session.admission;
    this.#ports.report({ type: "left", address, source: peer.source, reason, name });
  }

  /**
   * A connection that showed nothing, or nothing of worth, is gone.
   *
   * @param asked whether the gatekeeper has heard of it
   */
  strangerLeft(connection: Connection, reason: string, asked: boolean): void {
    if (asked) this.#ports.closed(connection.id);
    this.#reportStranger(connection, reason);
  }

  /** Gives a classic client an address, the one that it has if any; undefined if none is left. */
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
    return this.#bindClassic(peer, address, "dynamic") ? address : undefined;
  }

  /** Gives a classic client this very address, in place of the one it has; false if it is not free. */
  claim(peer: ClassicPeer, address: number, grant: Grant): boolean {
    if (peer.address === address) return true;
    if (!this.#pool.claim(address, peer.source)) return false;
    this.releaseClassic(peer, "asked for another address");
    return this.#bindClassic(peer, address, grant);
  }

  /** Tells that a classic client asked for an address that it cannot have. */
  refused(peer: ClassicPeer, address: number): void {
    this.#ports.report({ type: "refused", address, source: peer.source });
  }

  /** Takes a classic client's address back, if it has one. */
  releaseClassic(peer: ClassicPeer, reason: string): void {
    const { address, source } = peer;
    if (address === undefined) return;
    peer.address = undefined;
    this.#backpressure.forget(peer);
    this.router.table.delete(address);
    this.#pool.release(address);
    this.#exhausted = false;
    this.#ports.report({ type: "left", address, source, reason });
  }

  /** Notes that a classic client spoke: one without an address is a stranger still. */
  heardClassic(connection: Connection): void {
    this.#strangers.touch(connection);
  }

  /** Returns false, and takes the address back, if it is a secure client's after all. */
  #bindClassic(peer: ClassicPeer, address: number, grant: Grant): boolean {
    if (this.router.table.holderOf(address) !== undefined) {
      this.#pool.release(address);
      return false;
    }
    peer.address = address;
    this.#strangers.delete(peer.connection);
    this.router.table.add(address, peer);
    this.#ports.report({ type: "joined", address, source: peer.source, grant });
    return true;
  }

  #sessionsOwner(): PeerSessionsOwner {
    const { clock } = this.channels;
    const isolates = (): boolean => this.isolate;
    const about = ({ admission, active }: PeerSession) => {
      const { address, name } = admission;
      return { address, name, source: active!.source };
    };
    return {
      get isolate() {
        return isolates();
      },
      counters: this.counters,
      get now() {
        return clock.now;
      },
      hurry: ({ deadline }) => this.#deadline = Math.min(this.#deadline, deadline),
      moved: (session, reason) => {
        const { carrier } = session.active!;
        this.#ports.report({ type: "moved", ...about(session), carrier, reason });
      },
      joined: (session) =>
        this.#ports.report({ type: "joined", ...about(session), grant: "enrolled" }),
      overlaps: ({ admission: { name } }, prefix) =>
        this.#ports.report({ type: "overlap", name, prefix: String(prefix) }),
    };
  }

  #peerOf(bytes: Uint8Array, offset: number): DatagramPeer | undefined {
    const stage = this.#connections.get(datagramIndex(bytes, offset))?.stage;
    return stage instanceof DatagramPeer ? stage : undefined;
  }

  #receive(peer: DatagramPeer, bytes: Uint8Array, offset: number, length: number): void {
    if (peer !== this.#receiving) this.settle();
    this.#receiving = peer;
    peer.receive(bytes, offset, length);
  }

  /**
   * A number that tells whoever sees it nothing but `indexTag`, by which most of what others make up can
   * be told from data without knowing the connections.
   */
  #newId(): number {
    for (;;) {
      const key = this.#ports.randomKey();
      key[3] = this.indexTag;
      const id = readUint32(key, 0);
      if (!this.#connections.has(id)) return id;
    }
  }

  #open(
    transport: Transport,
    origin: Origin,
    stage: (connection: Connection) => Stage,
  ): Connection | undefined {
    if (this.#connections.size >= this.#options.maxConnections) {
      const stranger = this.#strangers.oldest();
      if (stranger === undefined) {
        transport.close();
        if (!this.#full) {
          const connections = this.#connections.size;
          this.#ports.report({ type: "full", connections, source: origin.host });
        }
        this.#full = true;
        return undefined;
      }
      stranger.abort(TOO_MANY);
    }
    const connection = new Connection(this.#newId(), transport, origin, (connection) => {
      this.#full = false;
      this.#connections.delete(connection.id);
      this.#strangers.delete(connection);
    });
    this.#connections.set(connection.id, connection);
    connection.enter(stage(connection));
    this.#strangers.add(connection)?.abort(TOO_MANY);
    this.#expect(connection);
    return connection;
  }

  #expect(connection: Connection): void {
    this.#deadline = Math.min(this.#deadline, connection.deadline);
  }

  #reportStranger({ origin }: Connection, reason: string): void {
    const { now } = this.channels.clock;
    if (now >= this.#strangersTold.until) this.#strangersTold = { count: 0, until: now + 1000 };
    if (++this.#strangersTold.count > MAX_STRANGER_REPORTS) return;
    this.#ports.report({ type: "stranger", source: origin.host, reason });
  }
}

const TOO_MANY = "too many connections";
