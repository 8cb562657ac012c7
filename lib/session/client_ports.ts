import type { Offload } from "../packet/offload.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { ClientEvent } from "./client_event.ts";
import type { LivenessTiming } from "./liveness.ts";

/** What a client needs of the world around it. Links have numbers, which answers repeat. */
export interface ClientPorts {
  /**
   * Asks for the addresses of a server, told by its place in the list; `resolved()` or `unresolved()`
   * answers, and repeats the number of the question.
   */
  resolve(question: number, server: number): void;
  /** Asks for a connection to a candidate; `connected()` or `failed()` answers. */
  connect(link: number, candidate: number, carrier: Carrier): void;
  /** Ends the attempt to connect, which is not to answer any more. */
  abandon(link: number): void;
  /**
   * Asks for the bytes that a secure connection begins with; `hello()` answers.
   *
   * @param server that the connection leads to
   * @param session number of the session that the connection is to be a path of
   * @param index of the client's end, over UDP
   */
  requestHello(link: number, server: number, session: number, index: number | undefined): void;
  /** Asks for the first message of a handshake for new keys; `rekeyInitiation()` answers. */
  requestRekey(link: number): void;
  /** Hands over the server's message of a handshake; `established()` or `refuted()` answers. */
  complete(link: number, message: Uint8Array): void;
  /** Nothing more is asked for by this link, for which there was a `requestHello()`. */
  forget(link: number): void;
  /** Hands one packet to the TUN device; the bytes are taken before the call returns. */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  report(event: ClientEvent): void;
  /** Gives numbers from 0 up to, not including, 1. */
  random(): number;
}

export interface ClientOptions {
  /** Whether to speak the classic protocol. */
  classic: boolean;
  /** How many servers there are to choose from. */
  servers: number;
  /** What to go over, the best first. */
  carriers: readonly Carrier[];
  /** The address to ask for; any will do if undefined. */
  address?: number | undefined;
  /** Of the interface, at the most; undefined for what the server says. */
  mtu?: number | undefined;
  /** For as long as the server does not say otherwise. */
  timing: LivenessTiming;
  /** Body of the Announcement with which a secure client tells what is behind it; none if undefined. */
  announcement?: Uint8Array | undefined;
}
