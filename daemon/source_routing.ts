import { AF_INET, AF_INET6 } from "../ffi/constants.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import type { Rule } from "../ffi/rtnetlink.ts";
import { type IpAddress, isIpv4 } from "../lib/address/ip_address.ts";
import type { Prefix } from "../lib/address/prefix.ts";
import { putRoute, putRule, removeRule, RulePriority, tableOf } from "./routing_rules.ts";

/**
 * Sends what comes from an address of a TUN device through that device, also where another
 * interface has a route to the same network: a second client on one machine, or a LAN that overlaps
 * the tunnel's network. Answers then go back the way that the questions came.
 */
export class SourceRouting {
  readonly #device: NetworkInterface;
  #rules: Rule[] = [];

  constructor(name: string) {
    this.#device = new NetworkInterface(name);
  }

  /** Adds to what was added before. @throws {OsError} */
  add(source: IpAddress, network: Prefix): void {
    const { index, name } = this.#device;
    const table = tableOf(index);
    putRoute({ network, interfaceIndex: index, table }, name);
    const family = isIpv4(source) ? AF_INET : AF_INET6;
    const rule: Rule = { family, source, table, priority: RulePriority.source };
    putRule(rule);
    this.#rules.push(rule);
  }

  /** Takes the rules back; the routes go with the device. @throws {OsError} */
  clear(): void {
    for (const rule of this.#rules) removeRule(rule);
    this.#rules = [];
  }
}
