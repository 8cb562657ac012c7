import type { IpAddress } from "../address/ip_address.ts";
import type { Prefix } from "../address/prefix.ts";
import { Ipv4Packet, ipVersion } from "../packet/ipv4.ts";
import { Ipv6Packet } from "../packet/ipv6.ts";
import { RoutingTable } from "../routing/table.ts";
import { DropReason } from "./counters.ts";
import { reasonAgainstIpv4, reasonAgainstIpv6 } from "./destinations.ts";

/** Checks a client's packets: what leaves must come from the client's addresses, what comes be for them. */
export class ClientFilter {
  readonly #ipv4 = new Ipv4Packet();
  readonly #ipv6 = new Ipv6Packet();
  /** What is the client's own. */
  readonly #own = new RoutingTable<true>();

  /**
   * @param addresses the client's inner addresses
   * @param networks networks behind the client that the tunnel reaches as well
   */
  constructor(addresses: readonly IpAddress[], networks: readonly Prefix[] = []) {
    for (const address of addresses) this.#own.add(address, true);
    for (const network of networks) {
      if (this.#own.prefixOwner(network) === undefined) this.#own.addPrefix(network, true);
    }
  }

  /** Why a packet from the TUN device may not be sent, if so. */
  checkOutgoing(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    if (ipVersion(bytes, offset) === 6) return this.#checkOutgoingIpv6(bytes, offset, length);
    if (!this.#ipv4.set(bytes, offset, length)) return DropReason.Malformed;
    const { source, destination } = this.#ipv4;
    if (this.#own.ownerOf(source) === undefined) return DropReason.SourceAddress;
    return reasonAgainstIpv4(destination);
  }

  /** Why a packet from the server may not be handed to the TUN device, if so. */
  checkIncoming(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    const isIpv6 = ipVersion(bytes, offset) === 6;
    if (!(isIpv6 ? this.#ipv6 : this.#ipv4).set(bytes, offset, length)) return DropReason.Malformed;
    const isOwn = isIpv6
      ? this.#own.ownerOfIpv6(bytes, this.#ipv6.destinationAt)
      : this.#own.ownerOf(this.#ipv4.destination);
    return isOwn ? undefined : DropReason.DestinationAddress;
  }

  /** What a kernel sends by itself to IPv6 groups is not to look like somebody lying about his address. */
  #checkOutgoingIpv6(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    const packet = this.#ipv6;
    if (!packet.set(bytes, offset, length)) return DropReason.Malformed;
    const reason = reasonAgainstIpv6(bytes, packet.destinationAt);
    if (reason !== undefined) return reason;
    const isOwn = this.#own.ownerOfIpv6(bytes, packet.sourceAt);
    return isOwn ? undefined : DropReason.SourceAddress;
  }
}
