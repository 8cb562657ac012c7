import {
  isLoopback,
  isMulticast,
  LIMITED_BROADCAST,
  UNSPECIFIED,
} from "../address/ipv4_address.ts";
import type { Prefix } from "../address/prefix.ts";
import { Ipv4Packet } from "../packet/ipv4.ts";
import { type Offload, WHOLE } from "../packet/offload.ts";
import { RoutingTable } from "../routing/table.ts";
import type { Receiver } from "./backpressure.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { reasonAgainst } from "./unaddressed.ts";

/** Somebody whose packets a router passes on. */
export interface Member extends Receiver {
  /** An isolated member's packets reach no other member, and none of theirs reach it. */
  readonly isolated: boolean;
  /** Asks for a source address that is nobody's own; returns whether it is the member's now. */
  adopt?(source: number): boolean;
  /** Sends a packet to the member; the bytes are taken before the call returns. */
  deliver(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
}

/** Hands one packet to the TUN device; the bytes are taken before the call returns. */
export type TunWriter = (
  bytes: Uint8Array,
  offset: number,
  length: number,
  offload: Offload,
) => void;

/**
 * A server's way of a packet: checks what it is and where it comes from, and passes it to whoever owns
 * its destination, else to the TUN device.
 */
export class Router {
  /** Who owns which addresses. */
  readonly table: RoutingTable<Member> = new RoutingTable();
  readonly #network: Prefix;
  readonly #toTun: TunWriter;
  readonly #counters: Counters;
  readonly #packet = new Ipv4Packet();

  constructor(network: Prefix, toTun: TunWriter, counters: Counters) {
    this.#network = network;
    this.#toTun = toTun;
    this.#counters = counters;
  }

  /** Passes on a packet that the TUN device gave. Returns whom it went to, if to anybody. */
  fromTun(
    bytes: Uint8Array,
    offset: number,
    length: number,
    offload: Offload,
  ): Member | undefined {
    this.#counters.pass(Way.FromTun, length);
    const reason = this.#checkHeader(bytes, offset, length);
    const owner = reason === undefined ? this.table.ownerOf(this.#packet.destination) : undefined;
    if (owner === undefined) this.#counters.drop(reason ?? DropReason.NoRoute);
    else owner.deliver(bytes, offset, length, offload);
    return owner;
  }

  /** Passes on a packet that a member sent, if its source address is the member's own. */
  fromMember(
    member: Member,
    bytes: Uint8Array,
    offset: number,
    length: number,
    offload: Offload,
  ): void {
    const reason = this.#checkHeader(bytes, offset, length) ?? this.#checkSource(member);
    if (reason !== undefined) return this.#counters.drop(reason);
    const owner = this.table.ownerOf(this.#packet.destination);
    if (owner === undefined) this.#toTun(bytes, offset, length, offload);
    else if (owner !== member && (owner.isolated || member.isolated)) {
      this.#counters.drop(DropReason.Isolated);
    } else owner.deliver(bytes, offset, length, offload);
  }

  /** Passes on an ordinary packet of the server's own. */
  fromServer(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#checkHeader(bytes, offset, length) !== undefined) return;
    const owner = this.table.ownerOf(this.#packet.destination);
    if (owner === undefined) this.#toTun(bytes, offset, length, WHOLE);
    else owner.deliver(bytes, offset, length, WHOLE);
  }

  /** Points the view at the packet and says why it may not pass, whoever sent it. */
  #checkHeader(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    const packet = this.#packet;
    if (!packet.set(bytes, offset, length)) return reasonAgainst(bytes, offset, length);
    const destination = packet.destination;
    if (
      isMulticast(destination) || destination === LIMITED_BROADCAST ||
      destination === this.#network.last || destination === this.#network.first
    ) {
      return DropReason.Multicast;
    }
    if (isLoopback(destination) || destination === UNSPECIFIED) {
      return DropReason.DestinationAddress;
    }
    return undefined;
  }

  #checkSource(member: Member): DropReason | undefined {
    const { source } = this.#packet;
    const isOwn = this.table.ownerOf(source) === member || member.adopt?.(source);
    return isOwn ? undefined : DropReason.SourceAddress;
  }
}
