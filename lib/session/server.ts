import type { Prefix } from "../address/prefix.ts";
import type { Offload } from "../packet/offload.ts";
import { CloseReason, type Configuration } from "../protocol/control.ts";
import { Backpressure } from "./backpressure.ts";
import { ClassicAddresses, type ClassicAddressesOwner } from "./classic_addresses.ts";
import { ClassicPeer } from "./classic_peer.ts";
import type { Connection, Origin } from "./connection.ts";
import { Connections } from "./connections.ts";
import type { Counters } from "./counters.ts";
import { DatagramDoor } from "./datagram_door.ts";
import { DatagramIntake } from "./datagram_intake.ts";
import type { Admission, Answer, Verdict } from "./gatekeeper.ts";
import { Greeting } from "./greeting.ts";
import { HandshakeLimit } from "./handshake_limit.ts";
import { IcmpErrors } from "./icmp_errors.ts";
import { Knock } from "./knock.ts";
import { MAX_STRANGER_REPORTS } from "./limits.ts";
import type { LivenessTiming } from "./liveness.ts";
import type { PeerSession } from "./peer_session.ts";
import { PeerSessions, type PeerSessionsOwner } from "./peer_sessions.ts";
import { RateLimit } from "./rate_limit.ts";
import type { ServerReport } from "./report.ts";
import { Router } from "./router.ts";
import type { ChannelContext } from "./channel_context.ts";
import { SecurePeer } from "./secure_peer.ts";
import { configurationFor } from "./server_configuration.ts";
import type { ServerOptions, ServerPorts, ServerTerms } from "./server_ports.ts";
import type { StreamTransport } from "./transport.ts";

/**
 * A server: takes connections, lets those in who may, and drops clients that fall silent. It has no
 * clock and no sockets: whoever drives it passes the time in milliseconds of one monotonic clock.
 */
export class Server {
  readonly counters: Counters;
  readonly router: Router;
  readonly channels: ChannelContext;
  readonly isClassic: boolean;
  /** Takes what comes to the UDP socket. */
  readonly datagrams: DatagramIntake;
  /** For classic clients. */
  readonly classicAddresses: ClassicAddresses;
  #options: ServerOptions;
  readonly #ports: ServerPorts;
  readonly #connections: Connections;
  readonly #handshakes = new HandshakeLimit();
  readonly #icmp = new IcmpErrors();
  readonly #sessions: PeerSessions;
  readonly #backpressure = new Backpressure();
  /** Ends of strangers' connections cost them nothing, and the log's reader time. */
  readonly #strangerReports = new RateLimit(MAX_STRANGER_REPORTS);

  /** @throws {RangeError} if the network has no address for a client */
  constructor(options: ServerOptions, ports: ServerPorts, channels: ChannelContext) {
    this.counters = channels.counters;
    this.channels = channels;
    this.isClassic = options.classic;
    this.#options = options;
    this.#ports = ports;
    this.router = new Router(
      options.network,
      (bytes, offset, length, offload) => ports.toTun(bytes, offset, length, offload),
      this.counters,
    );
    this.#sessions = new PeerSessions(this.#sessionsOwner(), options, this.router.table);
    this.classicAddresses = this.#newClassicAddresses(options);
    const { now } = channels.clock;
    const randomKey = (): Uint8Array => ports.randomKey();
    const { publicKey, maxConnections } = options;
    const door = new DatagramDoor(publicKey, this.#handshakes, randomKey, now, this.counters);
    const owner = {
      randomKey,
      full: (connections: number, source: string): void =>
        ports.report({ type: "full", connections, source }),
    };
    this.#connections = new Connections(owner, maxConnections, door.indexTag);
    this.datagrams = new DatagramIntake(
      this,
      this.#connections,
      door,
      (connection, message) => ports.hello(connection, message, "udp"),
    );
  }

  get timing(): LivenessTiming {
    return this.#options.timing;
  }

  get isolate(): boolean {
    return this.#options.isolate;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return Math.min(this.#connections.deadline, this.#backpressure.deadline);
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
    return this.#connections.open(
      transport,
      origin,
      (connection) => new Greeting(this, connection, transport, now),
    );
  }

  /** Does what is due by `now`: pings, and the end of what was silent for too long. */
  advance(now: number): void {
    this.#connections.advance(now);
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
    this.#connections.hurry(connection!.deadline);
  }

  /** The gatekeeper's word on a client, when it has proved who it is and whenever that changes. */
  judged(id: number, verdict: Verdict): void {
    const connection = this.#connections.get(id);
    if (!(connection?.stage instanceof SecurePeer)) return;
    connection.stage.judge(verdict);
    this.#connections.hurry(connection.deadline);
  }

  /** The gatekeeper's answer to a message for new keys. */
  rekeyed(id: number, answer: Answer | undefined): void {
    const connection = this.#connections.get(id);
    if (!(connection?.stage instanceof SecurePeer)) return;
    if (answer === undefined) return connection.stage.expel(CloseReason.ProtocolViolation);
    connection.stage.rekeyed(answer);
    this.#connections.hurry(connection.deadline);
  }

  /** Addresses that are secure clients', whether connected or not, and given to nobody else. */
  reserve(addresses: readonly number[]): void {
    this.classicAddresses.reserve(addresses);
  }

  /** Goes by other terms from now on; tells secure clients if that means anything for them. */
  change(terms: ServerTerms, now: number): void {
    const { push, timing, isolate } = this.#options;
    this.#options = { ...this.#options, ...terms };
    this.#connections.most = terms.maxConnections;
    const isForAll = JSON.stringify([terms.push, terms.timing]) !== JSON.stringify([push, timing]);
    // Who is kept apart from others is told of no networks behind them.
    const isForSome = terms.isolate !== isolate;
    if (!isForAll && !isForSome) return;
    for (const stage of this.#connections.stages()) {
      if (!(stage instanceof SecurePeer)) continue;
      if (isForAll || stage.hasNetworksBeyond) stage.changeTerms();
    }
    this.#connections.hurry(now);
  }

  /** How its connections fare, for a person. */
  report(now: number): ServerReport {
    const classic = this.#connections.stages().flatMap((stage) =>
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
    this.#connections.hurry(connection.deadline);
    return peer;
  }

  hello(connection: Connection, message: Uint8Array): void {
    this.#connections.heard(connection);
    const { origin } = connection;
    if (!this.#handshakes.allows(origin.network, this.channels.clock.now)) {
      return connection.abort("too many handshakes");
    }
    this.#ports.hello(connection.id, message, "tcp");
  }

  confirmed(connection: Connection): void {
    this.#connections.trust(connection);
    this.#connections.hurry(connection.deadline);
    this.#ports.confirmed(connection.id);
  }

  rekey(connection: Connection, message: Uint8Array): void {
    this.#ports.rekey(connection.id, message);
  }

  announced(connection: Connection, networks: Prefix[]): void {
    this.#ports.announced(connection.id, networks);
  }

  /** Lets a connection in, as a path of a session. */
  admit(peer: SecurePeer, admission: Admission): PeerSession {
    return this.#sessions.admit(peer, admission);
  }

  /** What a client is told to use. */
  configurationFor(admission: Admission): Configuration {
    return configurationFor(admission, this.#options);
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

  /** Notes that a classic client spoke: one without an address is a stranger still. */
  heardClassic(connection: Connection): void {
    this.#connections.heard(connection);
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
      hurry: ({ deadline }) => this.#connections.hurry(deadline),
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

  #newClassicAddresses({ network, leases }: ServerOptions): ClassicAddresses {
    const owner: ClassicAddressesOwner = {
      given: ({ connection }) => this.#connections.trust(connection),
      taken: (peer) => this.#backpressure.forget(peer),
      report: (event) => this.#ports.report(event),
    };
    return new ClassicAddresses(owner, network, leases, this.router.table);
  }

  #reportStranger({ origin }: Connection, reason: string): void {
    if (!this.#strangerReports.allows(this.channels.clock.now)) return;
    this.#ports.report({ type: "stranger", source: origin.host, reason });
  }
}
