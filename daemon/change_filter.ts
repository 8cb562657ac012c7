import { RT_TABLE_MAIN } from "../ffi/constants.ts";
import type {
  AddressChange,
  LinkChange,
  NetworkChange,
  RouteChange,
} from "../ffi/network_change.ts";
import { RTPROT_SIMPLEVPN } from "../ffi/rtnetlink.ts";
import { formatAddress, type IpAddress } from "../lib/address/ip_address.ts";
import { isWithin } from "../lib/address/prefix.ts";

/** Addresses and links that are remembered at the most; who has more is told of some changes twice. */
const MOST_KNOWN = 4096;

type LinkState = "down" | "no carrier" | "usable";

/**
 * Tells which changes of a machine's network may matter to a client's connections: another address or
 * link, a route to the server. What the kernel says again without a change, as at each router's
 * advertisement, does not, and neither does what this program does itself.
 */
export class ChangeFilter {
  readonly #tun: number;
  readonly #servers: () => readonly IpAddress[];
  /** By the interfaces' numbers. */
  readonly #links = new Map<number, LinkState>();
  /** Usable ones, each with its interface's number, as text. */
  readonly #addresses = new Set<string>();

  /**
   * @param tun number of this program's own interface
   * @param servers gives where the server is
   * @param present the links and addresses that there are
   */
  constructor(
    tun: number,
    servers: () => readonly IpAddress[],
    present: readonly NetworkChange[],
  ) {
    this.#tun = tun;
    this.#servers = servers;
    for (const thing of present) this.matters(thing);
  }

  /** Takes note of a change, and tells whether it matters. */
  matters(change: NetworkChange): boolean {
    if (change.interfaceIndex === this.#tun) return false;
    switch (change.type) {
      case "link":
        return this.#linkMatters(change);
      case "address":
        return this.#addressMatters(change);
      case "route":
        return this.#routeMatters(change);
    }
  }

  /** A cable that is pulled may be put in again soon; an interface that is taken down loses its routes. */
  #linkMatters({ isThere, interfaceIndex, isUp, hasCarrier }: LinkChange): boolean {
    const before = this.#links.get(interfaceIndex) ?? "down";
    const carried = hasCarrier ? "usable" : "no carrier";
    const state = isThere && isUp ? carried : "down";
    if (state === "down") this.#links.delete(interfaceIndex);
    else remember(this.#links, () => this.#links.set(interfaceIndex, state));
    return state !== before && state !== "no carrier";
  }

  #addressMatters(change: AddressChange): boolean {
    const { isThere, interfaceIndex, address, isGlobal, isTentative } = change;
    if (!isGlobal) return false;
    const name = `${interfaceIndex} ${formatAddress(address)}`;
    const isUsable = isThere && !isTentative;
    if (isUsable === this.#addresses.has(name)) return false;
    if (isUsable) remember(this.#addresses, () => this.#addresses.add(name));
    else this.#addresses.delete(name);
    return true;
  }

  #routeMatters({ network, table, protocol, isUnicast }: RouteChange): boolean {
    if (table !== RT_TABLE_MAIN || !isUnicast || protocol === RTPROT_SIMPLEVPN) return false;
    return network.length === 0 || this.#servers().some((server) => isWithin(network, server));
  }
}

function remember(known: { size: number; clear(): void }, add: () => void): void {
  if (known.size >= MOST_KNOWN) known.clear();
  add();
}
