import { type IpAddress, isIpv4 } from "../address/ip_address.ts";
import { isIpv4Prefix, type Prefix, prefixOf } from "../address/prefix.ts";
import { Ipv4Table } from "./ipv4_table.ts";
import { Ipv6Table } from "./ipv6_table.ts";

/**
 * Who owns which addresses: the one answer to "where does this packet go?" and to "may it come from
 * there?" (cryptokey routing, in WireGuard's words). A prefix has at most one owner; of several that
 * contain an address the longest counts.
 */
export class RoutingTable<Owner> {
  readonly #ipv4 = new Ipv4Table<Owner>();
  readonly #ipv6 = new Ipv6Table<Owner>();

  /** How many prefixes have an owner. */
  get size(): number {
    return this.#ipv4.size + this.#ipv6.size;
  }

  /** Says who owns one address. @throws {Error} as `addPrefix()` */
  add(address: IpAddress, owner: Owner): void {
    this.addPrefix(hostPrefix(address), owner);
  }

  /** @throws {Error} if the very same prefix has an owner already: taking over is never meant */
  addPrefix(prefix: Prefix, owner: Owner): void {
    if (isIpv4Prefix(prefix)) this.#ipv4.add(prefix, owner);
    else this.#ipv6.add(prefix, owner);
  }

  delete(address: IpAddress): void {
    this.deletePrefix(hostPrefix(address));
  }

  deletePrefix(prefix: Prefix): void {
    if (isIpv4Prefix(prefix)) this.#ipv4.delete(prefix);
    else this.#ipv6.delete(prefix);
  }

  /** The owner of an IPv4 address. */
  ownerOf(address: number): Owner | undefined {
    return this.#ipv4.ownerOf(address);
  }

  /** The owner of the IPv6 address whose 16 bytes begin at `at`. */
  ownerOfIpv6(bytes: Uint8Array, at: number): Owner | undefined {
    return this.#ipv6.ownerOf(bytes, at);
  }

  /** The owner of this very prefix. */
  prefixOwner(prefix: Prefix): Owner | undefined {
    return isIpv4Prefix(prefix) ? this.#ipv4.get(prefix) : this.#ipv6.get(prefix);
  }

  /** The owner of this very address, as a prefix of its own. */
  holderOf(address: IpAddress): Owner | undefined {
    return this.prefixOwner(hostPrefix(address));
  }
}

function hostPrefix(address: IpAddress): Prefix {
  return prefixOf(address, isIpv4(address) ? 32 : 128);
}
