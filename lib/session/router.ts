import type { Ipv4Prefix } from "../address/ipv4_prefix.ts";
import { Ipv4Packet, ipVersion } from "../packet/ipv4.ts";
import { Ipv6Packet } from "../packet/ipv6.ts";
import { type Offload, WHOLE } from "../packet/offload.ts";
import { RoutingTable } from "../routing/table.ts";
import type { Receiver } from "./backpressure.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { reasonAgainstIpv4, reasonAgainstIpv6 } from "./destinations.ts";

/** Somebody whose packets a router passes on. */
export interface Member extends Receiver {
  /** An isolated member's packets reach no other member, and none of theirs reach it. */
  readonly isolated: boolean;
  /** Of the packets to and from the member; the router's counters are the whole of them. */
  readonly counters: Counters;
  /** Asks for an IPv4 source address that is nobody's own; returns whether it is the member's now. */
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
  readonly #network: Ipv4Prefix;
  readonly #toTun: TunWriter;
  readonly #counters: Counters;
  readonly #ipv4 = new Ipv4Packet();
  readonly #ipv6 = new Ipv6Packet();

  /** @param network the members' IPv4 network, of which nothing goes to the first and last address */
  constructor(network: Ipv4Prefix, toTun: TunWriter, counters: Counters) {
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
    const owner = reason === undefined ? this.#destinationOwner(bytes, offset) : undefined;
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
    const reason = this.#checkHeader(bytes, offset, length) ??
      this.#checkSource(member, bytes, offset);
    if (reason !== undefined) return member.counters.drop(reason);
    const owner = this.#destinationOwner(bytes, offset);
    if (owner === undefined) this.#toTun(bytes, offset, length, offload);
    else if (owner !== member && (owner.isolated || member.isolated)) {
      member.counters.drop(DropReason.Isolated);
    } else owner.deliver(bytes, offset, length, offload);
  }

  /** Passes on an ordinary packet of the server's own. */
  fromServer(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#checkHeader(bytes, offset, length) !== undefined) return;
    const owner = this.#destinationOwner(bytes, offset);
    if (owner === undefined) this.#toTun(bytes, offset, length, WHOLE);
    else owner.deliver(bytes, offset, length, WHOLE);
  }

  /** Points the view at the packet and says why it may not pass, whoever sent it. */
  #checkHeader(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    if (ipVersion(bytes, offset) === 6) {
      return this.#ipv6.set(bytes, offset, length)
        ? reasonAgainstIpv6(bytes, this.#ipv6.destinationAt)
        : DropReason.Malformed;
    }
    if (!this.#ipv4.set(bytes, offset, length)) return DropReason.Malformed;
    const { destination } = this.#ipv4;
    return destination === this.#network.last || destination === this.#network.first
      ? DropReason.Multicast
      : reasonAgainstIpv4(destination);
  }

  /** Who has the destination of the packet that the view is at. */
  #destinationOwner(bytes: Uint8Array, offset: number): Member | undefined {
    return ipVersion(bytes, offset) === 6
      ? this.table.ownerOfIpv6(bytes, this.#ipv6.destinationAt)
      : this.table.ownerOf(this.#ipv4.destination);
  }

  #checkSource(member: Member, bytes: Uint8Array, offset: number): DropReason | undefined {
    return this.#isOwnSource(member, bytes, offset) ? undefined : DropReason.SourceAddress;
  }

  #isOwnSource(member: Member, bytes: Uint8Array, offset: number): boolean {
    if (ipVersion(bytes, offset) === 6) {
      return this.table.ownerOfIpv6(bytes, this.#ipv6.sourceAt) === member;
    }
    const { source } = this.#ipv4;
    return this.table.ownerOf(source) === member || member.adopt?.(source) === true;
  }
}
