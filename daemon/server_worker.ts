/// <reference lib="deno.worker" />
/** The packet worker of simplevpn-server: TUN device, listener and clients' connections. */
import { EPOLLIN } from "../ffi/constants.ts";
import { OsError } from "../ffi/error.ts";
import { acceptTcp } from "../ffi/socket.ts";
import { Ipv4Prefix } from "../lib/address/ipv4_prefix.ts";
import { Ipv6Prefix } from "../lib/address/ipv6_prefix.ts";
import { Leases } from "../lib/address/leases.ts";
import { DatagramType, INDEX_END_AT, TYPE_AT } from "../lib/protocol/datagram.ts";
import type { Verdict } from "../lib/session/gatekeeper.ts";
import { MAX_LEASES } from "../lib/session/limits.ts";
import { Server } from "../lib/session/server.ts";
import type { ServerOptions, ServerTerms } from "../lib/session/server_ports.ts";
import { selectCipherSuite } from "./cipher_suite.ts";
import { DatagramSocket } from "./datagram_socket.ts";
import { randomKey } from "./identity.ts";
import {
  type GatekeeperMessage,
  revivePrefixes,
  type ServerMessage,
  type ServerSetup,
  type TermsMessage,
} from "./messages.ts";
import { OutboxPool } from "./outbox_pool.ts";
import { PacketBuffer } from "./packet_buffer.ts";
import { type StreamContext, StreamSocket } from "./stream_socket.ts";
import { TunPort } from "./tun_port.ts";
import { runWorker, type WorkerContext } from "./worker_port.ts";

/** Connections taken in one go before packets get their turn. */
const ACCEPTS_PER_TURN = 16;

/** Milliseconds without accepting when the process has no file descriptor left. */
const ACCEPT_PAUSE = 1000;

/** Batches that can be filled at a time: clients that packets of one turn are for. */
const BATCHES = 16;

class ServerWorker {
  readonly #context: WorkerContext<ServerMessage>;
  readonly #buffer = new PacketBuffer(BATCHES);
  readonly #listener: number | undefined;
  readonly #server: Server;
  readonly #tun: TunPort;
  readonly #streams: StreamContext;
  readonly #datagrams: DatagramSocket | undefined;
  /** When to accept again; Infinity while accepting. */
  #resumeAt = Infinity;

  constructor(setup: ServerSetup, context: WorkerContext<ServerMessage>) {
    const { loop, counters, post } = context;
    this.#context = context;
    this.#listener = setup.listenerFd;
    this.#streams = { loop, buffer: this.#buffer, outboxes: new OutboxPool() };
    const tun = this.#tun = new TunPort(
      loop,
      setup.tun,
      this.#buffer,
      counters,
      (bytes, offset, length, offload) => this.#server.fromTun(bytes, offset, length, offload),
      () => this.#server.mayRead,
    );
    this.#server = new Server(
      reviveOptions(setup),
      {
        toTun: (bytes, offset, length, offload) => tun.write(bytes, offset, length, offload),
        report: (event) => post({ type: "event", event }),
        hello: (connection, message, carrier) =>
          post({ type: "hello", connection, message, carrier }),
        confirmed: (connection) => post({ type: "confirmed", connection }),
        rekey: (connection, message) => post({ type: "rekey", connection, message }),
        announced: (connection, networks) => post({ type: "announced", connection, networks }),
        closed: (connection) => post({ type: "closed", connection }),
        randomKey,
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
    const { listenerFd, datagramFd } = setup;
    if (listenerFd !== undefined) {
      loop.add(listenerFd, EPOLLIN, { ready: () => this.#accept(listenerFd) });
    }
    if (datagramFd !== undefined) {
      this.#datagrams = new DatagramSocket(loop, this.#buffer, counters, datagramFd);
      this.#datagrams.attach(this.#server.datagrams, {
        first: { at: TYPE_AT, byte: DatagramType.Data },
        second: { at: INDEX_END_AT, byte: this.#server.datagrams.indexTag },
      });
    }
  }

  get deadline(): number {
    const datagrams = this.#datagrams?.deadline ?? Infinity;
    return Math.min(this.#server.deadline, datagrams, this.#resumeAt);
  }

  advance(now: number): void {
    this.#server.advance(now);
    this.#datagrams?.advance(now);
    if (now < this.#resumeAt) return;
    this.#resumeAt = Infinity;
    this.#context.loop.modify(this.#listener!, EPOLLIN);
  }

  endTurn(): void {
    this.#buffer.batches.flush();
    this.#tun.resume();
  }

  receive(message: GatekeeperMessage | TermsMessage): void {
    switch (message.type) {
      case "answered":
        return this.#server.answered(message.connection, message.answer, this.#context.loop.now);
      case "judged":
        return this.#server.judged(message.connection, reviveVerdict(message.verdict));
      case "rekeyed":
        return this.#server.rekeyed(message.connection, message.answer);
      case "reserve":
        return this.#server.reserve(message.addresses);
      case "terms":
        return this.#server.change(reviveTerms(message.terms), this.#context.loop.now);
      case "report": {
        const report = this.#server.report(this.#context.loop.now);
        return this.#context.post({ type: "report", report });
      }
    }
  }

  stop(): void {
    this.#server.stop();
  }

  #accept(listener: number): void {
    const { now } = this.#context.loop;
    try {
      for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
        const accepted = acceptTcp(listener);
        if (accepted === undefined) return;
        const { host, network } = accepted.peer;
        const socket = new StreamSocket(this.#streams, accepted.fd, accepted.peer);
        const connection = this.#server.connect(socket, { host, network }, now);
        if (connection !== undefined) socket.attach(connection);
      }
    } catch (error) {
      if (!(error instanceof OsError) || error.call !== "accept4") throw error;
      this.#context.post({ type: "not_accepting", reason: error.reason });
      this.#resumeAt = now + ACCEPT_PAUSE;
      this.#context.loop.modify(listener, 0);
    }
  }
}

function reviveOptions(setup: ServerSetup): ServerOptions {
  return {
    ...setup,
    network: new Ipv4Prefix(setup.network.first, setup.network.length),
    network6: setup.network6 && new Ipv6Prefix(setup.network6.first, setup.network6.length),
    leases: new Leases(MAX_LEASES, setup.leases),
    ...reviveTerms(setup),
  };
}

function reviveTerms({ push, timing, maxConnections, isolate }: ServerTerms): ServerTerms {
  const routes = revivePrefixes(push.routes);
  return { push: { ...push, routes }, timing, maxConnections, isolate };
}

function reviveVerdict(verdict: Verdict): Verdict {
  if (!("admit" in verdict)) return verdict;
  const { admit } = verdict;
  const [routes, beyond] = [revivePrefixes(admit.routes), revivePrefixes(admit.beyond)];
  return { admit: { ...admit, routes, beyond } };
}

runWorker((setup: ServerSetup, context: WorkerContext<ServerMessage>) => {
  return new ServerWorker(setup, context);
});
