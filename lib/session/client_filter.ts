import {
  isLoopback,
  isMulticast,
  LIMITED_BROADCAST,
  UNSPECIFIED,
} from "../address/ipv4_address.ts";
import type { Prefix } from "../address/prefix.ts";
import { Ipv4Packet, ipVersion } from "../packet/ipv4.ts";
import { DropReason } from "./counters.ts";
import { reasonAgainst } from "./unaddressed.ts";

/** Checks a client's packets: what leaves must come from the client's addresses, what comes be for them. */
export class ClientFilter {
  readonly #packet = new Ipv4Packet();
  readonly #address: number;
  readonly #networks: readonly Prefix[];

  /**
   * @param address the client's inner address
   * @param networks networks behind the client that the tunnel reaches as well
   */
  constructor(address: number, networks: readonly Prefix[] = []) {
    this.#address = address;
    this.#networks = networks;
  }

  /** Why a packet from the TUN device may not be sent, if so. */
  checkOutgoing(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    const packet = this.#packet;
    if (!packet.set(bytes, offset, length)) return reasonAgainst(bytes, offset, length);
    if (!this.#isOwn(packet.source)) return DropReason.SourceAddress;
    const { destination } = packet;
    if (isMulticast(destination) || destination === LIMITED_BROADCAST) return DropReason.Multicast;
    return isLoopback(destination) || destination === UNSPECIFIED
      ? DropReason.DestinationAddress
      : undefined;
  }

  /** Why a packet from the server may not be handed to the TUN device, if so. */
  checkIncoming(bytes: Uint8Array, offset: number, length: number): DropReason | undefined {
    const packet = this.#packet;
    if (!packet.set(bytes, offset, length)) {
      return ipVersion(bytes, offset) === 6 ? DropReason.DestinationAddress : DropReason.Malformed;
    }
    return this.#isOwn(packet.destination) ? undefined : DropReason.DestinationAddress;
  }

  #isOwn(address: number): boolean {
    return address === this.#address ||
      this.#networks.some((network) => network.contains(address));
  }
}
