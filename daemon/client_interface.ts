import { OsError } from "../ffi/error.ts";
import type { SocketAddress } from "../ffi/socket_address.ts";
import { formatAddress, type IpAddress } from "../lib/address/ip_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import type { Ipv4Prefix } from "../lib/address/ipv4_prefix.ts";
import { isIpv4Prefix, isWithin, type Prefix } from "../lib/address/prefix.ts";
import type { RouteChoice } from "../lib/config/networks.ts";
import { isHostOf } from "../lib/config/networks.ts";
import { findTaken, type Outside } from "../lib/routing/outside.ts";
import { reasonAgainstRoute } from "../lib/routing/pushed_routes.ts";
import { FullTunnel } from "./full_tunnel.ts";
import { findConflict, type LocalAddress } from "./local_networks.ts";
import { log } from "./logging.ts";
import { lookOutside } from "./outside.ts";
import { SourceRouting } from "./source_routing.ts";
import { type Ipv6Host, TunIpv6 } from "./tun_ipv6.ts";
import { TunRoutes } from "./tun_routes.ts";
import { configureTun } from "./tun_setup.ts";

/** What a client's interface is to be like. */
export interface InterfaceSettings {
  address: number;
  network: Ipv4Prefix;
  ipv6: Ipv6Host | undefined;
  mtu: number;
  /** Networks besides its own that the server says are reached through the tunnel. */
  routes: readonly Prefix[];
}

/** This machine cannot be in the network that the server gives it: the message says why, and what to do. */
export class UnusableNetwork extends Error {
  /** @param reason the rest of a sentence that begins with the network */
  constructor(network: Prefix, reason: string) {
    super(`its network ${network} cannot be used here: ${reason}`);
  }
}

/** A client's TUN device as the kernel knows it: address, network, routes. It outlives connections. */
export class ClientInterface {
  readonly #name: string;
  #choice: RouteChoice;
  readonly #fullTunnel: FullTunnel;
  readonly #sourceRouting: SourceRouting;
  readonly #ipv6: TunIpv6;
  readonly #routes: TunRoutes;
  #settings: InterfaceSettings | undefined;
  /** What it is like now, as text. */
  #present = "";
  #hasIpv6 = false;
  /** What the server said and is not done, since it is this machine's own. */
  #left: readonly Prefix[] = [];
  /** The outer addresses of the server, as far as they are known; first the one in use. */
  #servers: readonly SocketAddress[] = [];

  /**
   * @param name a TUN device of this program
   * @param choice what goes through the tunnel besides what is for its own networks
   */
  constructor(name: string, choice: RouteChoice) {
    this.#name = name;
    this.#choice = choice;
    this.#fullTunnel = new FullTunnel(name);
    this.#sourceRouting = new SourceRouting(name);
    this.#ipv6 = new TunIpv6(name);
    this.#routes = new TunRoutes(name);
    // For an end that waits for nothing: a full tunnel would stay shut.
    globalThis.addEventListener("unload", () => this.clear());
  }

  /** Whether it has an IPv6 address, too. */
  get hasIpv6(): boolean {
    return this.#hasIpv6;
  }

  /** Whether everything goes through the tunnel, also what resolves names. */
  get takesEverything(): boolean {
    return this.#fullTunnel.isSet;
  }

  /** The server may be tried at these addresses from now on, and so past the tunnel. */
  expect(servers: readonly SocketAddress[]): void {
    if (this.takesEverything) return this.#fullTunnel.reach(servers);
    const isAround = (route: Prefix): boolean => servers.some(({ ip }) => isWithin(route, ip));
    const { present } = this.#routes;
    if (!present.some(isAround)) return;
    // Another server may lie behind the one that was lost. The next connection brings them back.
    this.#routes.set(present.filter((route) => !isAround(route)));
    this.#present = "";
  }

  /**
   * Makes the interface like this, where it is not yet.
   *
   * @param servers where the server is, if that may have changed: first the address in use, then
   *   the others, by which the next connection may come about
   * @throws {UnusableNetwork} if it must not be like this; then it is as before
   * @throws {Failure} if it cannot
   */
  configure(settings: InterfaceSettings, servers = this.#servers): void {
    const { address, network, ipv6, mtu } = settings;
    if (!isHostOf(network, address)) {
      throw new UnusableNetwork(
        network,
        `the address ${
          formatIpv4(address)
        } that the server gave is no host's there: give its own ` +
          "network with --network",
      );
    }
    const outside = lookOutside(this.#name, servers[0]);
    for (const own of [network, ...ipv6 ? [ipv6.network] : []]) checkNetwork(own, outside);
    const [present, ...spare] = servers.map(({ host }) => host);
    const wanted = JSON.stringify([settings, present, spare.toSorted(), outside.locals]);
    if (wanted === this.#present) return;
    this.#servers = servers;
    this.#settings = settings;
    configureTun(this.#name, address, network, mtu);
    this.#hasIpv6 = this.#ipv6.set(ipv6, mtu);
    this.#setChoice(settings.routes, outside);
    this.#present = wanted;
    this.#sourceRouting.clear();
    this.#yield(address, network, outside.locals);
    if (this.#hasIpv6) this.#yield(ipv6!.address, ipv6!.network, outside.locals);
  }

  /**
   * Another choice of what goes through the tunnel. Without a connection it may wait for the next one.
   *
   * @throws {Error} if that cannot be; then it is as before
   */
  choose(choice: RouteChoice): void {
    const before = this.#choice;
    this.#choice = choice;
    if (this.#settings === undefined || this.#present === "") return;
    const outside = lookOutside(this.#name, this.#servers[0]);
    try {
      this.#setChoice(this.#settings.routes, outside);
    } catch (error) {
      this.#choice = before;
      this.#setChoice(this.#settings.routes, outside);
      throw error;
    }
  }

  /** The machine may be in other networks than before: what is theirs does not go through the tunnel. */
  networkChanged(): void {
    if (this.#settings === undefined || this.#present === "") return;
    const outside = lookOutside(this.#name, this.#servers[0]);
    const left = this.#leftTo(outside, this.#settings.routes);
    if (left.join() !== this.#left.join()) this.#setRoutes(this.#settings.routes, outside);
  }

  /** Undoes what does not end with the TUN device. */
  clear(): void {
    this.#settings = undefined;
    try {
      this.#sourceRouting.clear();
    } finally {
      this.#fullTunnel.clear();
    }
  }

  /** Sends through the tunnel what is chosen, up to everything, when the server says this. */
  #setChoice(pushed: readonly Prefix[], outside: Outside): void {
    this.#setRoutes(pushed, outside);
    if (this.#choice === "everything") this.#fullTunnel.set(this.#servers, this.#hasIpv6);
    else this.#fullTunnel.clear();
  }

  /** Has go through the tunnel what is to, when the server says this. */
  #setRoutes(pushed: readonly Prefix[], outside: Outside): void {
    this.#left = this.#leftTo(outside, pushed);
    for (const route of this.#left) {
      const reason = reasonAgainstRoute(route, outside);
      log.warn("The server offers {route}: left out, {reason}", { route: `${route}`, reason });
    }
    const chosen = typeof this.#choice === "string"
      ? pushed.filter((route) => !this.#left.includes(route))
      : this.#choice;
    this.#routes.set(
      chosen
        .filter((route) => isIpv4Prefix(route) || this.#hasIpv6)
        .filter((route) => this.#isBeyond(route)),
    );
  }

  /** Which of the networks that the server says are not to go through the tunnel. */
  #leftTo(outside: Outside, pushed: readonly Prefix[]): readonly Prefix[] {
    if (typeof this.#choice !== "string") return [];
    return pushed.filter((route) => reasonAgainstRoute(route, outside) !== undefined);
  }

  /** Whether a network can go through the tunnel: not one that the server is in. */
  #isBeyond(route: Prefix): boolean {
    const outer = this.#servers.find(({ ip }) => isWithin(route, ip));
    if (outer === undefined) return true;
    log.warn(
      "The server ({host}) lies itself in {route}: left out, the tunnel would have to go through " +
        "itself",
      { route: `${route}`, host: outer.host },
    );
    return false;
  }

  /** If another interface has an overlapping network: what surely belongs there goes through the tunnel. */
  #yield(address: IpAddress, network: Prefix, others: readonly LocalAddress[]): void {
    const conflict = findConflict(network, others);
    if (conflict === undefined) return;
    this.#routeBySource(address, network);
    log.warn(
      "{interface} has {local}/{length}, which overlaps {network}: what this machine sends from " +
        "{address} goes through the tunnel, anything else may go by {interface}",
      {
        interface: conflict.interface,
        local: formatAddress(conflict.address),
        length: conflict.prefix.length,
        network: network.toString(),
        address: formatAddress(address),
      },
    );
  }

  #routeBySource(address: IpAddress, network: Prefix): void {
    try {
      this.#sourceRouting.add(address, network);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      log.warn("Cannot route by source address: {reason}", { reason: error.reason });
    }
  }
}

/** @throws {UnusableNetwork} if the tunnel's own network would take away what carries the tunnel */
function checkNetwork(network: Prefix, outside: Outside): void {
  const taken = findTaken(network, outside);
  if (taken === undefined) return;
  throw new UnusableNetwork(
    network,
    `${taken.name} lies in it, and must stay outside of the tunnel: start the server with another ` +
      "--network",
  );
}
