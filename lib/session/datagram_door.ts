import {
  cookieOfInitiation,
  datagramIndex,
  DatagramType,
  datagramType,
  hasRightMac,
  macKey,
  messageOfInitiation,
  writeCookieReply,
} from "../protocol/datagram.ts";
import type { Origin } from "./connection.ts";
import { CookieJar } from "./cookie_jar.ts";
import { HandshakeLimit } from "./handshake_limit.ts";
import type { DatagramTransport } from "./transport.ts";

/** Who sent the datagram that is being received. */
export interface DatagramSender {
  /** The address and port, as bytes; good until the next datagram. */
  readonly address: Uint8Array;
  origin(): Origin;
  /** A way to send there. */
  transport(): DatagramTransport;
}

/** An initiation that is worth the gatekeeper's time. */
export interface Initiation {
  /** By which the client knows its end. */
  index: number;
  message: Uint8Array;
}

/**
 * Looks at datagrams of strangers, by which a server must not be made to work, to remember, or to send
 * to somebody who asked for nothing: an initiation must have the MAC that takes the server's public key,
 * and when there are many of them, a cookie that shows that its address is not a lie.
 */
export class DatagramDoor {
  readonly #key: Uint8Array;
  readonly #cookies: CookieJar;
  /** Handshakes of those whose address may be a lie. */
  readonly #unproven = new HandshakeLimit();
  readonly #proven: HandshakeLimit;

  /**
   * @param serverKey the server's static public key
   * @param proven handshakes of those who have shown that their address is theirs
   * @param random gives 32 random bytes
   */
  constructor(
    serverKey: Uint8Array,
    proven: HandshakeLimit,
    random: () => Uint8Array,
    now: number,
  ) {
    this.#key = macKey(serverKey);
    this.#cookies = new CookieJar(random, now);
    this.#proven = proven;
  }

  /** The initiation in a datagram; undefined if it is none, or not to be answered now. */
  examine(
    bytes: Uint8Array,
    offset: number,
    length: number,
    sender: DatagramSender,
    now: number,
  ): Initiation | undefined {
    if (datagramType(bytes, offset, length) !== DatagramType.Initiation) return undefined;
    if (!hasRightMac(bytes, offset, length, this.#key)) return undefined;
    const index = datagramIndex(bytes, offset);
    const cookie = cookieOfInitiation(bytes, offset, length);
    if (!this.#admits(cookie, index, sender, now)) return undefined;
    return { index, message: messageOfInitiation(bytes, offset, length) };
  }

  #admits(cookie: Uint8Array, index: number, sender: DatagramSender, now: number): boolean {
    const { address } = sender;
    const { network } = sender.origin();
    if (cookie.some((byte) => byte !== 0) && this.#cookies.isFresh(cookie, address, now)) {
      return this.#proven.allows(network, now);
    }
    if (this.#unproven.allows(network, now)) return true;
    const reply = writeCookieReply(index, this.#cookies.bake(address, now));
    sender.transport().send(reply, 0, reply.length);
    return false;
  }
}
