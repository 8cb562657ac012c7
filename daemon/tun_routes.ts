import { RT_TABLE_MAIN } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import { addRoute, deleteRoute, type Route } from "../ffi/rtnetlink.ts";
import type { Prefix } from "../lib/address/prefix.ts";
import { log } from "./logging.ts";

/** Networks that the main routing table sends through a TUN device. They end with the device. */
export class TunRoutes {
  readonly #name: string;
  #present: readonly Prefix[] = [];

  /** @param name a TUN device of this program, which is up */
  constructor(name: string) {
    this.#name = name;
  }

  /** What goes through the device now. */
  get present(): readonly Prefix[] {
    return this.#present;
  }

  /** Sends these networks through the device, and no others of before. @throws {OsError} */
  set(networks: readonly Prefix[]): void {
    const { index } = new NetworkInterface(this.#name);
    const [wanted, before] = [networks, this.#present].map((list) => new Set(list.map(String)));
    for (const network of this.#present) {
      if (!wanted!.has(`${network}`)) this.#delete(this.#route(network, index));
    }
    // Those of before, too: another address may have cost some of them.
    this.#present = networks.filter((network) =>
      this.#add(this.#route(network, index), before!.has(`${network}`))
    );
  }

  #route(network: Prefix, interfaceIndex: number): Route {
    return { network, interfaceIndex, table: RT_TABLE_MAIN };
  }

  #delete(route: Route): void {
    log.debug("ip route delete {network} dev {name}", this.#words(route));
    try {
      deleteRoute(route);
    } catch (error) {
      // IPv6 routes go with their address where that leaves the device.
      if (!(error instanceof OsError) || error.errno !== Errno.ESRCH) throw error;
    }
  }

  /** @param isOurs whether it was added before */
  #add(route: Route, isOurs: boolean): boolean {
    try {
      addRoute(route);
      log.debug("ip route add {network} dev {name}", this.#words(route));
      return true;
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      if (isOurs && error.errno === Errno.EEXIST) return true;
      const values = { ...this.#words(route), reason: error.reason };
      log.warn("Cannot route {network} through {name}: {reason}", values);
      return false;
    }
  }

  #words({ network }: Route): { network: string; name: string } {
    return { network: `${network}`, name: this.#name };
  }
}
