import type { Leases } from "../address/leases.ts";
import type { Ipv4Prefix } from "../address/ipv4_prefix.ts";
import { Pool } from "../address/pool.ts";
import type { RoutingTable } from "../routing/table.ts";
import type { ClassicPeer } from "./classic_peer.ts";
import type { Member } from "./router.ts";
import type { Grant, ServerEvent } from "./server_event.ts";

/** What is told of classic clients' addresses. */
export interface ClassicAddressesOwner {
  /** A client has an address now: it is no stranger any more. */
  given(peer: ClassicPeer): void;
  /** It has none now. */
  taken(peer: ClassicPeer): void;
  report(event: ServerEvent): void;
}

/**
 * The addresses of classic clients, each of whom has one at the most: gives out what is free, by leases
 * or as clients ask, and takes it back. The routing table is what tells whose an address is.
 */
export class ClassicAddresses {
  readonly #owner: ClassicAddressesOwner;
  readonly #pool: Pool;
  readonly #table: RoutingTable<Member>;
  /** Whether none was left when one was asked for last. */
  #exhausted = false;

  /**
   * @param leases all in `network`; kept up to date
   * @throws {RangeError} if the network has no address for a client
   */
  constructor(
    owner: ClassicAddressesOwner,
    network: Ipv4Prefix,
    leases: Leases,
    table: RoutingTable<Member>,
  ) {
    this.#owner = owner;
    this.#pool = new Pool(network, Pool.serverAddress(network), leases);
    this.#table = table;
  }

  /** Addresses that are secure clients', whether connected or not, and given to nobody else. */
  reserve(addresses: readonly number[]): void {
    this.#pool.reserve(addresses);
  }

  /** Gives a client an address, the one that it has if any; undefined if none is left. */
  allocate(peer: ClassicPeer): number | undefined {
    if (peer.address !== undefined) return peer.address;
    const address = this.#pool.allocate(peer.source);
    if (address === undefined) {
      if (!this.#exhausted) {
        this.#owner.report({ type: "exhausted", capacity: this.#pool.capacity });
      }
      this.#exhausted = true;
      return undefined;
    }
    return this.#bind(peer, address, "dynamic") ? address : undefined;
  }

  /** Gives a client this very address, in place of the one it has; false if it is not free. */
  claim(peer: ClassicPeer, address: number, grant: Grant): boolean {
    if (peer.address === address) return true;
    if (!this.#pool.claim(address, peer.source)) return false;
    this.release(peer, "asked for another address");
    return this.#bind(peer, address, grant);
  }

  /** Tells that a client asked for an address that it cannot have. */
  refused(peer: ClassicPeer, address: number): void {
    this.#owner.report({ type: "refused", address, source: peer.source });
  }

  /** Takes a client's address back, if it has one. */
  release(peer: ClassicPeer, reason: string): void {
    const { address, source } = peer;
    if (address === undefined) return;
    peer.address = undefined;
    this.#owner.taken(peer);
    this.#table.delete(address);
    this.#pool.release(address);
    this.#exhausted = false;
    this.#owner.report({ type: "left", address, source, reason });
  }

  /** Returns false, and takes the address back, if it is a secure client's after all. */
  #bind(peer: ClassicPeer, address: number, grant: Grant): boolean {
    if (this.#table.holderOf(address) !== undefined) {
      this.#pool.release(address);
      return false;
    }
    peer.address = address;
    this.#owner.given(peer);
    this.#table.add(address, peer);
    this.#owner.report({ type: "joined", address, source: peer.source, grant });
    return true;
  }
}
