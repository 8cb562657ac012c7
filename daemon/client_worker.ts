/// <reference lib="deno.worker" />
/** The packet worker of simplevpn-client: TUN device and the connection to the server. */
import { EPOLLOUT } from "../ffi/constants.ts";
import { describeErrno, OsError } from "../ffi/error.ts";
import { usableAddresses } from "../ffi/network_monitor.ts";
import { connectTcp, localAddress, socketError } from "../ffi/socket.ts";
import { SocketAddress } from "../ffi/socket_address.ts";
import { openUdp } from "../ffi/udp.ts";
import { formatAddress, type IpAddress } from "../lib/address/ip_address.ts";
import type { Carrier } from "../lib/protocol/hello.ts";
import { Client } from "../lib/session/client.ts";
import { selectCipherSuite } from "./cipher_suite.ts";
import { DatagramSocket } from "./datagram_socket.ts";
import type { ClientAnswer, ClientMessage, ClientSetup } from "./messages.ts";
import { NetworkWatch } from "./network_watch.ts";
import { OutboxPool } from "./outbox_pool.ts";
import { PacketBuffer } from "./packet_buffer.ts";
import { SleepWatch } from "./sleep_watch.ts";
import { type StreamContext, StreamSocket } from "./stream_socket.ts";
import { TunPort } from "./tun_port.ts";
import { runWorker, type WorkerContext } from "./worker_port.ts";

/** The one that is filled, and one more while that is sent. */
const BATCHES = 2;

class ClientWorker {
  readonly #context: WorkerContext<ClientMessage>;
  readonly #buffer = new PacketBuffer(BATCHES);
  readonly #client: Client;
  readonly #tun: TunPort;
  readonly #streams: StreamContext;
  readonly #congestion: string | undefined;
  #candidates: SocketAddress[] = [];
  /** Sockets that are connecting, by the numbers of their links. */
  readonly #connecting = new Map<number, { fd: number; to: SocketAddress }>();
  /** Connected ones, and some that are closed already. */
  #connected: StreamSocket[] = [];
  readonly #sleep: SleepWatch;
  /** Undefined where netlink cannot be had. */
  readonly #network: NetworkWatch | undefined;

  constructor(setup: ClientSetup, context: WorkerContext<ClientMessage>) {
    const { loop, counters, post } = context;
    this.#context = context;
    this.#congestion = setup.congestion;
    this.#streams = { loop, buffer: this.#buffer, outboxes: new OutboxPool() };
    const tun = new TunPort(
      loop,
      setup.tun,
      this.#buffer,
      counters,
      (bytes, offset, length, offload) => this.#client.fromTun(bytes, offset, length, offload),
      () => this.#client.hasRoom,
    );
    this.#tun = tun;
    this.#client = new Client(
      setup,
      {
        resolve: (question, server) => post({ type: "resolve", question, server }),
        connect: (link, candidate, carrier) =>
          this.#connect(link, this.#candidates[candidate]!, carrier),
        abandon: (link) => loop.close(this.#takeConnecting(link).fd),
        requestHello: (link, server, session, index) =>
          post({ type: "requestHello", link, server, session, index }),
        requestRekey: (link) => post({ type: "requestRekey", link }),
        complete: (link, message) => post({ type: "complete", link, message }),
        forget: (link) => post({ type: "forget", link }),
        toTun: (bytes, offset, length, offload) => tun.write(bytes, offset, length, offload),
        report: (event) => post({ type: "event", event }),
        random: Math.random,
      },
      {
        suite: selectCipherSuite(setup.crypto),
        batches: this.#buffer.batches,
        counters,
        capabilities: setup.capabilities,
        segmenter: this.#buffer.segmenter,
        clock: loop,
      },
    );
    this.#sleep = new SleepWatch(loop, (slept) => {
      post({ type: "woke", slept });
      this.#networkChanged();
    });
    this.#network = this.#watchNetwork(setup.tunIndex);
  }

  get deadline(): number {
    return Math.min(this.#client.deadline, this.#network?.deadline ?? Infinity);
  }

  advance(now: number): void {
    this.#sleep.look();
    this.#network?.advance(now);
    this.#client.advance(now);
  }

  endTurn(): void {
    this.#buffer.batches.flush();
    this.#tun.resume();
  }

  receive(message: ClientAnswer): void {
    const { now } = this.#context.loop;
    switch (message.type) {
      case "resolved":
        this.#candidates = message.addresses.map((bytes) => new SocketAddress(bytes));
        return this.#client.resolved(message.question, this.#candidates.map(String), now);
      case "unresolved":
        return this.#client.unresolved(message.question, message.reason, message.permanent, now);
      case "unusable":
        return this.#client.unusable(message.server, message.reason, now);
      case "reconnect":
        return this.#client.reconnect(now);
      case "hello":
        return this.#client.hello(message.link, message.bytes);
      case "rekeyInitiation":
        return this.#client.rekeyInitiation(message.link, message.message);
      case "established":
        return this.#client.established(message.link, message.handshake, message.capabilities);
      case "refuted":
        return this.#client.refuted(message.link);
      case "report":
        return this.#context.post({ type: "report", report: this.#client.report(now) });
    }
  }

  stop(): void {
    this.#client.close();
  }

  #watchNetwork(tun: number): NetworkWatch | undefined {
    const { loop, post } = this.#context;
    const servers = (): IpAddress[] => this.#candidates.map(({ ip }) => ip);
    try {
      return new NetworkWatch(loop, tun, servers, () => {
        post({ type: "network_changed" });
        this.#networkChanged();
      });
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      post({ type: "not_watching", reason: error.reason });
      return undefined;
    }
  }

  #networkChanged(): void {
    if (this.#network !== undefined) this.#dropStranded();
    this.#client.networkChanged(this.#context.loop.now);
  }

  /** A connection whose own end has an address that this machine cannot use any more is dead. */
  #dropStranded(): void {
    const own = new Set(usableAddresses().map(formatAddress));
    const whyStranded = ({ ip }: SocketAddress): string | undefined => {
      const address = formatAddress(ip);
      return own.has(address) ? undefined : `this machine is not at ${address} any more`;
    };
    for (const [link, { fd }] of this.#connecting) {
      const reason = whyStranded(localAddress(fd));
      if (reason === undefined) continue;
      this.#context.loop.close(this.#takeConnecting(link).fd);
      this.#client.failed(link, reason, this.#context.loop.now);
    }
    this.#connected = this.#connected.filter((socket) => !socket.isClosed);
    for (const socket of this.#connected) {
      const reason = whyStranded(socket.localAddress);
      if (reason !== undefined) socket.break(reason);
    }
  }

  #connect(link: number, to: SocketAddress, carrier: Carrier): void {
    const { loop } = this.#context;
    try {
      if (carrier === "udp") return this.#openPath(link, to);
      const fd = connectTcp(to, this.#congestion);
      this.#connecting.set(link, { fd, to });
      loop.add(fd, EPOLLOUT, { ready: () => this.#finish(link) });
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.#client.failed(link, error.reason, loop.now);
    }
  }

  /** Over UDP there is nothing to wait for. */
  #openPath(link: number, to: SocketAddress): void {
    const { loop, counters } = this.#context;
    const socket = new DatagramSocket(
      loop,
      this.#buffer,
      counters,
      openUdp(SocketAddress.any(to.family, 0)),
    );
    socket.attach(this.#client.connected(link, socket.pathTo(to), loop.now));
  }

  #finish(link: number): void {
    const { loop } = this.#context;
    const { fd, to } = this.#takeConnecting(link);
    const error = socketError(fd);
    if (error !== 0) {
      loop.close(fd);
      return this.#client.failed(link, describeErrno(error), loop.now);
    }
    loop.forget(fd);
    const socket = new StreamSocket(this.#streams, fd, to);
    this.#connected = [...this.#connected.filter(({ isClosed }) => !isClosed), socket];
    socket.attach(this.#client.connected(link, socket, loop.now));
  }

  #takeConnecting(link: number): { fd: number; to: SocketAddress } {
    const connecting = this.#connecting.get(link)!;
    this.#connecting.delete(link);
    return connecting;
  }
}

runWorker((setup: ClientSetup, context: WorkerContext<ClientMessage>) => {
  return new ClientWorker(setup, context);
});
