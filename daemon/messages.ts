/** What the two threads of a program tell each other. */
import type { Lease } from "../lib/address/leases.ts";
import type { ClientEvent } from "../lib/session/client.ts";
import type { ServerEvent } from "../lib/session/server.ts";

/** Sent to a worker once, through `Worker.postMessage()`, before it begins. */
export interface WorkerStart<Setup> {
  /** All messages after this one; the worker looks into it whenever `wakeup` is readable. */
  port: MessagePort;
  /** An eventfd. */
  wakeup: number;
  /** Memory of the worker's Counters. */
  counters: SharedArrayBuffer;
  setup: Setup;
}

/** What a server's packet worker starts from. The file descriptors are its own from then on. */
export interface ServerSetup {
  tunFd: number;
  listenerFd: number;
  network: string;
  leases: Lease[];
  /** Milliseconds. */
  timeout: number;
  maxConnections: number;
}

/** What a client's packet worker starts from. The file descriptor is its own from then on. */
export interface ClientSetup {
  tunFd: number;
  address: number | undefined;
  /** Milliseconds. */
  keepalive: number;
  timeout: number;
}

/** From the main thread to either worker: to close everything and answer `stopped`. */
export type StopMessage = { type: "stop" };

/** From either worker to the main thread: it closed everything; `error` if that was unasked for. */
export type StoppedMessage = { type: "stopped"; error?: string };

/** From a server's worker to the main thread. */
export type ServerMessage =
  | { type: "event"; event: ServerEvent }
  /** No connection is taken for a while: the system gives none. */
  | { type: "not_accepting"; reason: string };

/** From the main thread to a client's worker: answers to `resolve`. */
export type ResolvedMessage =
  /** Structures as SocketAddress holds them, best first. */
  | { type: "resolved"; addresses: Uint8Array[] }
  | { type: "unresolved"; reason: string; permanent: boolean };

/** From a client's worker to the main thread. */
export type ClientMessage = { type: "resolve" } | { type: "event"; event: ClientEvent };
