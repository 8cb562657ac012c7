import {
  isLoopback,
  isMulticast,
  LIMITED_BROADCAST,
  UNSPECIFIED,
} from "../address/ipv4_address.ts";
import { Ipv4Packet, ipVersion } from "../packet/ipv4.ts";
import {
  classify,
  CONTROL_LENGTH,
  controlDestination,
  Kind,
  LOST,
  receiveStream,
  type StreamReceiver,
  writeControl,
} from "../protocol/classic.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { KEEPALIVE_RETRY } from "./limits.ts";
import type { Transport } from "./transport.ts";
import { reasonAgainst } from "./unaddressed.ts";

/** What a link tells the client that it serves. A link that was lost says nothing more. */
export interface LinkOwner {
  /** The server gave this address; once per link. */
  linkUp(address: number, now: number): void;
  /** The link is of no use any more; its transport is closed. */
  linkLost(reason: string, now: number): void;
  toTun(bytes: Uint8Array, offset: number, length: number): void;
}

export interface LinkTiming {
  /** Milliseconds without a packet sent, or without one heard, before a keepalive is sent. */
  keepalive: number;
  /** Milliseconds without a packet heard before the link counts as lost. */
  timeout: number;
}

/** A client's end of one classic connection: asks for an address, then passes packets. */
export class ClassicLink implements StreamReceiver {
  readonly #owner: LinkOwner;
  readonly #transport: Transport;
  readonly #timing: LinkTiming;
  readonly #counters: Counters;
  readonly #control = new Uint8Array(CONTROL_LENGTH);
  readonly #packet = new Ipv4Packet();
  readonly #wanted: number | undefined;
  #address: number | undefined;
  #lastSent: number;
  #lastHeard: number;
  /** When a keepalive went out that nothing has answered yet. */
  #probedAt: number | undefined;
  #lost = false;

  /**
   * Sends the request at once.
   *
   * @param wanted the address to ask for; any will do if undefined
   */
  constructor(
    owner: LinkOwner,
    transport: Transport,
    wanted: number | undefined,
    timing: LinkTiming,
    counters: Counters,
    now: number,
  ) {
    this.#owner = owner;
    this.#transport = transport;
    this.#timing = timing;
    this.#counters = counters;
    this.#wanted = wanted;
    this.#lastSent = this.#lastHeard = now;
    this.#sendControl(wanted ?? UNSPECIFIED, UNSPECIFIED);
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return Math.min(this.#keepaliveDue, this.#lastHeard + this.#timing.timeout);
  }

  get #keepaliveDue(): number {
    return this.#probedAt !== undefined
      ? this.#probedAt + KEEPALIVE_RETRY
      : Math.min(this.#lastSent, this.#lastHeard) + this.#timing.keepalive;
  }

  /** Sends the keepalive that is due by `now`, or gives up on a server silent for too long. */
  advance(now: number): void {
    if (now >= this.#lastHeard + this.#timing.timeout) {
      this.#lose(`the server was silent for ${Math.round(this.#timing.timeout / 1000)} s`, now);
    } else if (now >= this.#keepaliveDue) {
      this.#sendControl(LIMITED_BROADCAST, LIMITED_BROADCAST);
      this.#lastSent = this.#probedAt = now;
    }
  }

  /** Takes bytes that came over the connection; the same contract as `ClassicPeer.receive()`. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    this.#lastHeard = now;
    this.#probedAt = undefined;
    const done = receiveStream(this, bytes, offset, length);
    if (done !== LOST) return done;
    this.#counters.drop(DropReason.Malformed);
    this.#lose("the server sent bytes that are not an IP packet (is it a simplevpn server?)", now);
    return length;
  }

  /** Passes on a packet that the TUN device gave, if it comes from this client's address. */
  fromTun(bytes: Uint8Array, offset: number, length: number, now: number): void {
    const reason = this.#checkOutgoing(bytes, offset, length);
    if (reason !== undefined) return this.#counters.drop(reason);
    this.#lastSent = now;
    this.#counters.pass(Way.ToPeers, length);
    this.#transport.send(bytes, offset, length);
  }

  /** @see {StreamReceiver} */
  receivePacket(bytes: Uint8Array, offset: number, length: number): boolean {
    switch (classify(bytes, offset, length)) {
      case Kind.Packet:
        this.#fromServer(bytes, offset, length);
        break;
      case Kind.Keepalive:
        break;
      case Kind.Reply:
        this.#takeReply(controlDestination(bytes, offset));
        break;
      default:
        this.#counters.drop(DropReason.StrayControl);
    }
    return !this.#lost;
  }

  /** The C server answers each request twice, so only the first reply counts. */
  #takeReply(address: number): void {
    if (this.#address !== undefined) return this.#counters.drop(DropReason.StrayControl);
    const usable = (this.#wanted === undefined || this.#wanted === address) &&
      !isMulticast(address) && !isLoopback(address) && address !== LIMITED_BROADCAST;
    if (!usable) {
      return this.#lose("the server gave an address that cannot be used", this.#lastHeard);
    }
    this.#address = address;
    this.#owner.linkUp(address, this.#lastHeard);
  }

  #fromServer(bytes: Uint8Array, offset: number, length: number): void {
    this.#counters.pass(Way.FromPeers, length);
    if (!this.#packet.set(bytes, offset, length)) {
      this.#counters.drop(
        ipVersion(bytes, offset) === 6 ? DropReason.DestinationAddress : DropReason.Malformed,
      );
    } else if (this.#packet.destination !== this.#address) {
      this.#counters.drop(DropReason.DestinationAddress);
    } else {
      this.#owner.toTun(bytes, offset, length);
    }
  }

  #checkOutgoing(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    if (this.#address === undefined) return DropReason.NotConnected;
    if (!this.#packet.set(bytes, offset, length)) return reasonAgainst(bytes, offset, length);
    if (this.#packet.source !== this.#address) return DropReason.SourceAddress;
    const destination = this.#packet.destination;
    return isMulticast(destination) || destination === LIMITED_BROADCAST
      ? DropReason.Multicast
      : undefined;
  }

  #sendControl(source: number, destination: number): void {
    writeControl(this.#control, 0, source, destination);
    this.#transport.send(this.#control, 0, CONTROL_LENGTH);
  }

  #lose(reason: string, now: number): void {
    this.#lost = true;
    this.#transport.close();
    this.#owner.linkLost(reason, now);
  }
}
