import { readUint32 } from "../packet/ipv4.ts";
import {
  cookieOfInitiation,
  datagramIndex,
  DatagramType,
  datagramType,
  hasCookie,
  hasRightMac,
  macKey,
  messageOfInitiation,
  writeCookieReply,
} from "../protocol/datagram.ts";
import type { Origin } from "./connection.ts";
import { CookieJar } from "./cookie_jar.ts";
import { type Counters, DropReason } from "./counters.ts";
import { HandshakeLimit } from "./handshake_limit.ts";
import { InitiationLimit } from "./initiation_limit.ts";
import type { DatagramTransport } from "./transport.ts";

/** Who sent the datagram that is being received. */
export interface DatagramSender {
  /** The address and port, as bytes; good until the next datagram. */
  readonly address: Uint8Array;
  /** A hash of the network that `origin()` names, 32 bits; other seeds make others alike. */
  hashNetwork(seed: number): number;
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
 * and when there are many of them, a cookie that shows that its address is not a lie. When there are
 * more than can be looked at without slowing clients down, the rest is dropped unseen. Those with a
 * cookie and those without are counted apart, so that who has got one need not compete any more.
 */
export class DatagramDoor {
  readonly #key: Uint8Array;
  readonly #cookies: CookieJar;
  /** Handshakes of those whose address may be a lie. */
  readonly #unproven = new HandshakeLimit();
  readonly #proven: HandshakeLimit;
  readonly #bare = new InitiationLimit();
  readonly #withCookie = new InitiationLimit();
  /** Nobody can choose a network that shares another one's limit. */
  readonly #seed: number;
  /** The last byte of all indices of this server, by which most forged data can be told at a glance. */
  readonly indexTag: number;
  readonly #counters: Counters;

  /**
   * @param serverKey the server's static public key
   * @param proven handshakes of those who have shown that their address is theirs
   * @param random gives 32 random bytes
   * @param counters of what is dropped
   */
  constructor(
    serverKey: Uint8Array,
    proven: HandshakeLimit,
    random: () => Uint8Array,
    now: number,
    counters: Counters,
  ) {
    this.#key = macKey(serverKey);
    this.#cookies = new CookieJar(random, now);
    this.#proven = proven;
    const secret = random();
    this.#seed = readUint32(secret, 0);
    this.indexTag = secret[4]!;
    this.#counters = counters;
  }

  /** The initiation in a datagram; undefined, and counted, if it is none, or not to be answered now. */
  examine(
    bytes: Uint8Array,
    offset: number,
    length: number,
    sender: DatagramSender,
    now: number,
  ): Initiation | undefined {
    if (datagramType(bytes, offset, length) !== DatagramType.Initiation) {
      return this.#drop(DropReason.Refused);
    }
    const limit = hasCookie(bytes, offset, length) ? this.#withCookie : this.#bare;
    if (!limit.allows(sender.hashNetwork(this.#seed), now)) return this.#drop(DropReason.Flood);
    if (!hasRightMac(bytes, offset, length, this.#key)) return this.#drop(DropReason.Refused);
    const index = datagramIndex(bytes, offset);
    const cookie = limit === this.#withCookie
      ? cookieOfInitiation(bytes, offset, length)
      : undefined;
    if (!this.#admits(cookie, index, sender, now)) return this.#drop(DropReason.Refused);
    return { index, message: messageOfInitiation(bytes, offset, length) };
  }

  #drop(reason: DropReason): undefined {
    this.#counters.drop(reason);
  }

  #admits(
    cookie: Uint8Array | undefined,
    index: number,
    sender: DatagramSender,
    now: number,
  ): boolean {
    const { address } = sender;
    const { network } = sender.origin();
    if (cookie !== undefined && this.#cookies.isFresh(cookie, address, now)) {
      return this.#proven.allows(network, now);
    }
    if (this.#unproven.allows(network, now)) return true;
    const reply = writeCookieReply(index, this.#cookies.bake(address, now));
    sender.transport().send(reply, 0, reply.length);
    return false;
  }
}
