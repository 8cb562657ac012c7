/** What the two threads of a program tell each other. */
import type { TunDevice } from "../ffi/tun.ts";
import type { Lease } from "../lib/address/leases.ts";
import type { IpAddress } from "../lib/address/ip_address.ts";
import { type Prefix, prefixOf } from "../lib/address/prefix.ts";
import type { CryptoChoice } from "../lib/config/choices.ts";
import type { Carrier } from "../lib/protocol/hello.ts";
import type { Handshake } from "../lib/protocol/noise.ts";
import type { ClientEvent } from "../lib/session/client_event.ts";
import type { ClientOptions } from "../lib/session/client_ports.ts";
import type { Answer, Verdict } from "../lib/session/gatekeeper.ts";
import type { ClientReport, ServerReport } from "../lib/session/report.ts";
import type { ServerEvent } from "../lib/session/server_event.ts";
import type { ServerOptions, ServerTerms } from "../lib/session/server_ports.ts";

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
export interface ServerSetup extends Omit<ServerOptions, "leases"> {
  tun: Pick<TunDevice, "fd" | "offload">;
  /** What this end of a tunnel can take, as bits of Capability. */
  capabilities: number;
  /** A listening TCP socket; undefined if UDP is all. */
  listenerFd: number | undefined;
  /** A UDP socket; undefined if TCP is all. */
  datagramFd: number | undefined;
  leases: Lease[];
  crypto: CryptoChoice;
}

/** What a client's packet worker starts from. The file descriptor is its own from then on. */
export interface ClientSetup extends ClientOptions {
  tun: Pick<TunDevice, "fd" | "offload">;
  /** The number by which netlink knows the TUN device. */
  tunIndex: number;
  /** What this end of a tunnel can take, as bits of Capability. */
  capabilities: number;
  crypto: CryptoChoice;
  /** Congestion control of its connections; the system's default if undefined. */
  congestion: string | undefined;
}

/** From the main thread to either worker: to close everything and answer `stopped`. */
export type StopMessage = { type: "stop" };

/** From the main thread to either worker: to answer `pong`, which shows that its loop goes round. */
export type PingMessage = { type: "ping" };
export type PongMessage = { type: "pong" };

/** From either worker to the main thread: it closed everything; `error` if that was unasked for. */
export type StoppedMessage = { type: "stopped"; error?: string };

/** From a server's worker to the main thread; connections by their numbers. */
export type ServerMessage =
  | { type: "event"; event: ServerEvent }
  /** No connection is taken for a while: the system gives none. */
  | { type: "not_accepting"; reason: string }
  | { type: "hello"; connection: number; message: Uint8Array; carrier: Carrier }
  | { type: "confirmed"; connection: number }
  | { type: "rekey"; connection: number; message: Uint8Array }
  | { type: "announced"; connection: number; networks: Prefix[] }
  | { type: "closed"; connection: number }
  | { type: "report"; report: ServerReport };

/** From the main thread to a server's worker. */
export type GatekeeperMessage =
  | { type: "answered"; connection: number; answer: Answer | undefined }
  | { type: "judged"; connection: number; verdict: Verdict }
  | { type: "rekeyed"; connection: number; answer: Answer | undefined }
  | { type: "reserve"; addresses: number[] }
  /** Asks for a report. */
  | { type: "report" };

/** From the main thread to a server's worker: the configuration file was read anew. */
export type TermsMessage = { type: "terms"; terms: ServerTerms };

/** From a client's worker to the main thread; links by their numbers. */
export type ClientMessage =
  | { type: "resolve"; question: number; server: number }
  | {
    type: "requestHello";
    link: number;
    server: number;
    session: number;
    index: number | undefined;
  }
  | { type: "requestRekey"; link: number }
  | { type: "complete"; link: number; message: Uint8Array }
  | { type: "forget"; link: number }
  /** The machine slept for so many milliseconds. */
  | { type: "woke"; slept: number }
  | { type: "network_changed" }
  /** Changes of the network go unnoticed. */
  | { type: "not_watching"; reason: string }
  | { type: "event"; event: ClientEvent }
  | { type: "report"; report: ClientReport };

/** From the main thread to a client's worker. */
export type ClientAnswer =
  /** Structures as SocketAddress holds them, best first. */
  | { type: "resolved"; question: number; addresses: Uint8Array[] }
  | { type: "unresolved"; question: number; reason: string; permanent: boolean }
  /** This machine cannot be what this server told it. */
  | { type: "unusable"; server: number; reason: string }
  /** To go back to the first server. */
  | { type: "reconnect" }
  | { type: "hello"; link: number; bytes: Uint8Array }
  | { type: "rekeyInitiation"; link: number; message: Uint8Array }
  | { type: "established"; link: number; handshake: Handshake; capabilities: number }
  | { type: "refuted"; link: number }
  /** Asks for a report. */
  | { type: "report" };

/** Prefixes that came in a message, where they lost their class. */
export function revivePrefixes(
  prefixes: readonly { first: IpAddress; length: number }[],
): Prefix[] {
  return prefixes.map(({ first, length }) => prefixOf(first, length));
}
