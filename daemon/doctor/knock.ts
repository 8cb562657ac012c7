import { Errno, OsError } from "../../ffi/error.ts";
import { ProbeSocket } from "../../ffi/probe_socket.ts";
import type { SocketAddress } from "../../ffi/socket_address.ts";
import type { CipherSuite } from "../../lib/protocol/cipher.ts";
import {
  cookieOfReply,
  datagramIndex,
  DatagramType,
  datagramType,
  macKey,
  messageOfResponseDatagram,
  putCookie,
  serverIndexOf,
  writeInitiationDatagram,
} from "../../lib/protocol/datagram.ts";
import {
  type Carrier,
  INCOMPLETE,
  LOST,
  messageOfResponse,
  responseLength,
} from "../../lib/protocol/hello.ts";
import { HandshakeError, INITIATION_OVERHEAD } from "../../lib/protocol/noise.ts";
import type { Introduction } from "../../lib/session/introduction.ts";
import { HANDSHAKE_RATE_PER_NETWORK } from "../../lib/session/limits.ts";
import { ProbeSession } from "./probe_session.ts";

/** How one of the server's addresses meets a handshake over one carrier. */
export type Knock =
  /** As only the server with the right key can, and only for somebody whom it knows. */
  | { type: "answered"; session: ProbeSession }
  /** Over TCP the connection was made; there is no answer. */
  | { type: "silent" }
  /** It says that nobody listens there. */
  | { type: "refused" }
  /** Over TCP: there is no word of the connection. */
  | { type: "dropped" }
  /** What answers is something else. */
  | { type: "foreign" }
  | { type: "unreachable"; reason: string };

/** Milliseconds for a connection, and for an answer. */
const CONNECT_TIME = 3_000;
const ANSWER_TIME = 2_000;

/** Initiations over UDP, and milliseconds to wait for the answer to each. */
const TRIES = 4;
const TRY_TIME = 700;

/** All paths of what the doctor opens are of one session. */
const SESSION = 1;

/** Makes handshakes as a client does, and ends there: nobody is let in before the first record. */
export class Knocker {
  readonly #introduction: Introduction;
  readonly #server: number;
  readonly #suite: CipherSuite;
  #links = 0;

  /** @param server its place among those of the introduction, which is for this alone */
  constructor(introduction: Introduction, server: number, suite: CipherSuite) {
    this.#introduction = introduction;
    this.#server = server;
    this.#suite = suite;
  }

  /** Whoever is given a session disposes of it. */
  async knock(carrier: Carrier, at: SocketAddress): Promise<Knock> {
    let socket: ProbeSocket;
    try {
      socket = carrier === "tcp" ? ProbeSocket.tcp(at) : ProbeSocket.udp(at);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      return failed(error.errno);
    }
    const result = carrier === "tcp" ? await this.#tcp(socket) : await this.#udp(socket);
    if (result.type !== "answered") socket[Symbol.dispose]();
    return result;
  }

  async #tcp(socket: ProbeSocket): Promise<Knock> {
    const error = await socket.connected(CONNECT_TIME);
    if (error !== 0) return error === Errno.ETIMEDOUT ? { type: "dropped" } : failed(error);
    const link = this.#links++;
    socket.send(this.#introduction.hello(link, this.#server, SESSION));
    const response = await receiveResponse(socket);
    if (!(response instanceof Uint8Array)) return response;
    return this.#complete(link, messageOfResponse(response), socket, undefined);
  }

  async #udp(socket: ProbeSocket): Promise<Knock> {
    let cookie: Uint8Array | undefined;
    for (let i = 0; i < TRIES; i++) {
      const link = this.#links++;
      const hello = this.#introduction.hello(link, this.#server, SESSION, link);
      if (cookie !== undefined) putCookie(hello, cookie);
      socket.send(hello);
      const bytes = await socket.receive(TRY_TIME);
      if (typeof bytes === "number") {
        if (bytes !== Errno.ETIMEDOUT) return failed(bytes);
        continue;
      }
      const type = datagramType(bytes, 0, bytes.length);
      if (type === DatagramType.CookieReply) cookie = cookieOfReply(bytes, 0);
      if (type !== DatagramType.Response || datagramIndex(bytes, 0) !== link) continue;
      const message = messageOfResponseDatagram(bytes, 0, bytes.length);
      return this.#complete(link, message, socket, serverIndexOf(bytes, 0));
    }
    return { type: "silent" };
  }

  #complete(
    link: number,
    message: Uint8Array,
    socket: ProbeSocket,
    serverIndex: number | undefined,
  ): Knock {
    try {
      const { handshake } = this.#introduction.complete(link, message);
      return {
        type: "answered",
        session: new ProbeSession(socket, this.#suite, handshake, serverIndex),
      };
    } catch (error) {
      if (error instanceof HandshakeError || error instanceof SyntaxError) {
        return { type: "foreign" };
      }
      throw error;
    }
  }
}

/** A whole response, or what there is instead. */
async function receiveResponse(socket: ProbeSocket): Promise<Uint8Array | Knock> {
  let bytes = new Uint8Array(0);
  for (const end = performance.now() + ANSWER_TIME;;) {
    const more = await socket.receive(Math.max(0, end - performance.now()));
    // A server that does not know who asks does nothing, then ends the connection.
    if (typeof more === "number" || more.length === 0) return { type: "silent" };
    bytes = new Uint8Array([...bytes, ...more]);
    const length = responseLength(bytes, 0, bytes.length);
    if (length === LOST) return { type: "foreign" };
    if (length !== INCOMPLETE) return bytes.subarray(0, length);
  }
}

function failed(error: number): Knock {
  if (error === Errno.ECONNREFUSED) return { type: "refused" };
  return { type: "unreachable", reason: new OsError("connect", error).reason };
}

/** Milliseconds between two of those below, of which half would do. */
const PROVOKE_INTERVAL = 5;
const PROVOKE_MOST = 2.5 * HANDSHAKE_RATE_PER_NETWORK;
const PROVOKE_LAST_WAIT = 500;

/**
 * Whether the server at an address has this key, for somebody whose handshakes it does not answer. A
 * server gives whoever knows its key, and sends more handshakes than it computes for one network in a
 * second, a cookie. Others of that network are given one as well for that second, and connect with it.
 */
export async function provesKey(at: SocketAddress, serverKey: Uint8Array): Promise<boolean> {
  using socket = ProbeSocket.udp(at);
  const key = macKey(serverKey);
  for (let i = 0; i < PROVOKE_MOST; i++) {
    const nonsense = crypto.getRandomValues(new Uint8Array(INITIATION_OVERHEAD));
    socket.send(writeInitiationDatagram(i, nonsense, key));
    const wait = i + 1 < PROVOKE_MOST ? PROVOKE_INTERVAL : PROVOKE_LAST_WAIT;
    const bytes = await socket.receive(wait);
    if (bytes === Errno.ETIMEDOUT) continue;
    if (typeof bytes === "number") return false;
    if (datagramType(bytes, 0, bytes.length) === DatagramType.CookieReply) return true;
  }
  return false;
}
