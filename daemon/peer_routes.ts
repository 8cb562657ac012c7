import { isIpv4Prefix, type Prefix } from "../lib/address/prefix.ts";
import type { Registry } from "../lib/config/registry.ts";
import { reasonAgainstRoute } from "../lib/routing/pushed_routes.ts";
import { log } from "./logging.ts";
import { lookOutside } from "./outside.ts";
import { TunRoutes } from "./tun_routes.ts";

/** Lets a server's own machine, and what is behind it, reach the networks behind its clients. */
export class PeerRoutes {
  readonly #name: string;
  readonly #hasIpv6: boolean;
  readonly #routes: TunRoutes;
  /** What was left out, and why, so that each is told once. */
  readonly #told = new Set<string>();

  /**
   * @param name a TUN device of this program, which is up
   * @param hasIpv6 whether the tunnel carries it
   */
  constructor(name: string, hasIpv6: boolean) {
    this.#name = name;
    this.#hasIpv6 = hasIpv6;
    this.#routes = new TunRoutes(name);
  }

  /** Routes what is behind the peers of a registry that may connect. @throws {OsError} */
  follow({ peers }: Registry): void {
    const networks = peers.filter(({ enabled }) => enabled).flatMap(({ routes }) => routes)
      .filter((network) => isIpv4Prefix(network) || this.#hasIpv6);
    const unique = new Map(networks.map((network) => [`${network}`, network]));
    const outside = lookOutside(this.#name);
    this.#routes.set([...unique.values()].filter((network) => {
      const reason = reasonAgainstRoute(network, outside);
      if (reason !== undefined) this.#tell(network, reason);
      return reason === undefined;
    }));
  }

  #tell(network: Prefix, reason: string): void {
    const text = `${network}: ${reason}`;
    if (this.#told.has(text)) return;
    this.#told.add(text);
    log.warn(
      "This machine does not route {network}, which is behind a peer, through {name}: {reason}",
      { network: `${network}`, name: this.#name, reason },
    );
  }
}
