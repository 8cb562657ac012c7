import { RT_TABLE_MAIN } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import { addRoute, deleteRoute } from "../ffi/rtnetlink.ts";
import { formatAddress } from "../lib/address/ip_address.ts";
import { isIpv4Prefix, isWithin, type Prefix } from "../lib/address/prefix.ts";
import type { TunnelNetworks } from "../lib/address/tunnel_networks.ts";
import type { Registry } from "../lib/config/registry.ts";
import { findConflict, localAddresses } from "./local_networks.ts";
import { log } from "./logging.ts";

/**
 * Routes of a server's machine to the networks behind peers. They are there whether the peer is connected
 * or not: what is meant for its network is not to go elsewhere meanwhile. They end with the TUN device.
 */
export class PeerRoutes {
  readonly #device: NetworkInterface;
  readonly #networks: TunnelNetworks;
  /** Those that are there, by their text. */
  #present = new Map<string, Prefix>();
  /** Those that could not be had, so that each is told once. */
  #refused = new Set<string>();

  /** @param tun a TUN device of this program, which is up */
  constructor(tun: string, networks: TunnelNetworks) {
    this.#device = new NetworkInterface(tun);
    this.#networks = networks;
  }

  /** Makes the routes those of the peers that may connect. */
  follow({ peers }: Registry): void {
    const wanted = new Map(
      peers.filter(({ enabled }) => enabled).flatMap(({ routes }) => routes)
        .filter((route) => this.#isCarried(route) && !this.#isInside(route))
        .map((route) => [`${route}`, route]),
    );
    this.#refused = new Set([...this.#refused].filter((text) => wanted.has(text)));
    for (const [text, route] of this.#present) {
      if (!wanted.has(text)) this.#delete(text, route);
    }
    for (const [text, route] of wanted) {
      if (!this.#present.has(text)) this.#add(text, route);
    }
  }

  #isCarried(route: Prefix): boolean {
    return isIpv4Prefix(route) || this.#networks.network6 !== undefined;
  }

  /** What lies in the tunnel's own network is routed there already. */
  #isInside({ first, length }: Prefix): boolean {
    const { network, network6 } = this.#networks;
    return [network, ...network6 ? [network6] : []].some((own) =>
      isWithin(own, first) && length >= own.length
    );
  }

  #add(text: string, network: Prefix): void {
    const { name, index: interfaceIndex } = this.#device;
    const others = localAddresses().filter((local) => local.interface !== name);
    const conflict = findConflict(network, others);
    if (conflict !== undefined) {
      const local = `${formatAddress(conflict.address)}/${conflict.prefix.length}`;
      return this.#refuse(text, `${conflict.interface} has ${local}, which overlaps it`);
    }
    try {
      addRoute({ network, interfaceIndex, table: RT_TABLE_MAIN });
      this.#present.set(text, network);
      log.debug("ip route add {route} dev {name}", { route: text, name });
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.#refuse(text, error.reason);
    }
  }

  #refuse(text: string, reason: string): void {
    if (!this.#refused.has(text)) {
      log.warn("This machine does not reach {route}, behind a peer, through {name}: {reason}", {
        route: text,
        name: this.#device.name,
        reason,
      });
    }
    this.#refused.add(text);
  }

  #delete(text: string, network: Prefix): void {
    const { name, index: interfaceIndex } = this.#device;
    this.#present.delete(text);
    log.debug("ip route delete {route} dev {name}", { route: text, name });
    try {
      deleteRoute({ network, interfaceIndex, table: RT_TABLE_MAIN });
    } catch (error) {
      // Somebody else took it away.
      if (!(error instanceof OsError) || error.errno !== Errno.ESRCH) throw error;
    }
  }
}
