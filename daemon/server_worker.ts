/// <reference lib="deno.worker" />
/** The packet worker of simplevpn-server: TUN device, listener and clients' connections. */
import { EPOLLIN } from "../ffi/constants.ts";
import { OsError } from "../ffi/error.ts";
import { acceptTcp } from "../ffi/socket.ts";
import { Leases } from "../lib/address/leases.ts";
import { parsePrefix } from "../lib/address/prefix.ts";
import { MAX_LEASES } from "../lib/session/limits.ts";
import { Server } from "../lib/session/server.ts";
import type { ServerMessage, ServerSetup } from "./messages.ts";
import { OutboxPool } from "./outbox_pool.ts";
import { PacketBuffer } from "./packet_buffer.ts";
import { type StreamContext, StreamSocket } from "./stream_socket.ts";
import { TunPort } from "./tun_port.ts";
import { runWorker, type WorkerContext } from "./worker_port.ts";

/** Connections taken in one go before packets get their turn. */
const ACCEPTS_PER_TURN = 16;

/** Milliseconds without accepting when the process has no file descriptor left. */
const ACCEPT_PAUSE = 1000;

class ServerWorker {
  readonly #context: WorkerContext<ServerMessage>;
  readonly #listener: number;
  readonly #server: Server;
  readonly #streams: StreamContext;
  /** When to accept again; Infinity while accepting. */
  #resumeAt = Infinity;

  constructor(setup: ServerSetup, context: WorkerContext<ServerMessage>) {
    const { loop, counters } = context;
    const buffer = new PacketBuffer();
    this.#context = context;
    this.#listener = setup.listenerFd;
    this.#streams = { loop, counters, buffer, outboxes: new OutboxPool() };
    const tun = new TunPort(
      loop,
      setup.tunFd,
      buffer,
      counters,
      (bytes, offset, length) => this.#server.fromTun(bytes, offset, length),
    );
    this.#server = new Server(
      {
        network: parsePrefix(setup.network),
        leases: new Leases(MAX_LEASES, setup.leases),
        timeout: setup.timeout,
        maxConnections: setup.maxConnections,
      },
      {
        toTun: (bytes, offset, length) => tun.write(bytes, offset, length),
        report: (event) => context.post({ type: "event", event }),
      },
      counters,
    );
    loop.add(this.#listener, EPOLLIN, { ready: () => this.#accept() });
  }

  get deadline(): number {
    return Math.min(this.#server.deadline, this.#resumeAt);
  }

  advance(now: number): void {
    this.#server.advance(now);
    if (now < this.#resumeAt) return;
    this.#resumeAt = Infinity;
    this.#context.loop.modify(this.#listener, EPOLLIN);
  }

  receive(): void {}

  #accept(): void {
    const { now } = this.#context.loop;
    try {
      for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
        const accepted = acceptTcp(this.#listener);
        if (accepted === undefined) return;
        const socket = new StreamSocket(this.#streams, accepted.fd);
        const peer = this.#server.connect(socket, accepted.peer.host, now);
        if (peer !== undefined) socket.attach(peer);
      }
    } catch (error) {
      if (!(error instanceof OsError) || error.call !== "accept4") throw error;
      this.#context.post({ type: "not_accepting", reason: error.reason });
      this.#resumeAt = now + ACCEPT_PAUSE;
      this.#context.loop.modify(this.#listener, 0);
    }
  }
}

runWorker((setup: ServerSetup, context: WorkerContext<ServerMessage>) => {
  return new ServerWorker(setup, context);
});
