import { AF_INET, AF_INET6, RT_TABLE_MAIN } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import type { Route, Rule } from "../ffi/rtnetlink.ts";
import type { SocketAddress } from "../ffi/socket_address.ts";
import { type IpAddress, isIpv4 } from "../lib/address/ip_address.ts";
import { parsePrefix } from "../lib/address/prefix.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import {
  isLiveTunnel,
  putRoute,
  putRule,
  removeRoute,
  removeRule,
  RulePriority,
  rulesOf,
  tableOf,
} from "./routing_rules.ts";

/** All addresses of a version, in halves: as the routes of other VPNs look. */
const HALVES = {
  ipv4: ["0.0.0.0/1", "128.0.0.0/1"].map(parsePrefix),
  ipv6: ["::/1", "8000::/1"].map(parsePrefix),
};

/** What a kernel says that has no rules for a version of IP, or not that version at all. */
const NO_RULES: readonly number[] = [Errno.EOPNOTSUPP, Errno.EAFNOSUPPORT];

/**
 * Sends everything through a TUN device but what the machine's own networks are for, and leaves the
 * main routing table as it is. In this order:
 *
 * - what goes to the server follows the main table: the tunnel's own packets, whichever way the
 *   machine's default route leads at the time;
 * - so does all that the main table has a route for, other than the default one;
 * - the rest goes into a table of ours, which has the TUN device for everything;
 * - what has no route there gets nowhere: IPv6 where the tunnel has none, and everything when the
 *   program was killed, and its device is gone.
 *
 * A tunnel without a connection stays like that, so that nothing goes past it.
 */
export class FullTunnel {
  readonly #device: NetworkInterface;
  #index = 0;
  #rules: Rule[] = [];
  /** Of the server's addresses, by the address as text. */
  readonly #serverRules = new Map<string, Rule>();

  constructor(name: string) {
    this.#device = new NetworkInterface(name);
  }

  /** Whether everything goes through the tunnel now. */
  get isSet(): boolean {
    return this.#rules.length > 0;
  }

  /**
   * Sends everything through the device, or still: what an interface has in tables goes when its last
   * address does.
   *
   * @param servers all addresses that the server may be reached at
   * @throws {Failure} if that cannot be
   */
  set(servers: readonly SocketAddress[], hasIpv6: boolean): void {
    const isNew = !this.isSet;
    try {
      if (isNew) this.#begin(servers);
      else this.reach(servers);
      this.#putRoutes(hasIpv6);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      throw new Failure(
        `Cannot send everything through ${this.#device.name}: ${error.reason}: does this kernel ` +
          "have policy routing (CONFIG_IP_MULTIPLE_TABLES, CONFIG_IPV6_MULTIPLE_TABLES)?",
      );
    }
    if (!isNew) return;
    log.info(
      `Everything goes through {name} now but what is for {servers} or the networks that this ` +
        `machine is in${hasIpv6 ? "" : "; IPv6 gets nowhere, since the tunnel has none"}`,
      { name: this.#device.name, servers: servers.map(({ host }) => host).join(", ") },
    );
  }

  /** Lets the program reach the server at these addresses, and at no others. @throws {OsError} */
  reach(servers: readonly SocketAddress[]): void {
    const wanted = new Map(servers.map(({ host, ip }) => [host, ip]));
    for (const [host, ip] of wanted) {
      if (this.#serverRules.has(host)) continue;
      const rule = serverRule(ip);
      if (putIfPossible(rule)) this.#serverRules.set(host, rule);
    }
    for (const [host, rule] of this.#serverRules) {
      if (wanted.has(host)) continue;
      removeRule(rule);
      this.#serverRules.delete(host);
    }
  }

  /** Takes everything back. @throws {OsError} */
  clear(): void {
    if (!this.isSet) return;
    for (const rule of [...this.#rules.toReversed(), ...this.#serverRules.values()]) {
      removeRule(rule);
    }
    this.#rules = [];
    this.#serverRules.clear();
    this.#routes(true).forEach(removeRoute);
  }

  #begin(servers: readonly SocketAddress[]): void {
    if (rulesOf(AF_INET).some(isLiveTunnel)) {
      throw new Failure(
        "Another simplevpn-client sends everything through its tunnel already: end that one first, " +
          "or leave out --full-tunnel",
      );
    }
    this.#index = this.#device.index;
    const table = tableOf(this.#index);
    // The first one says whose all are, and its table is empty yet. Then the server, and what gets
    // nowhere last: the connection must live on meanwhile.
    this.#addRules({ priority: RulePriority.tunnel, table });
    this.reach(servers);
    const main = { table: RT_TABLE_MAIN, suppressPrefixLength: 0 };
    this.#addRules({ priority: RulePriority.local, ...main });
    this.#addRules({ priority: RulePriority.rest, table, unreachable: true });
  }

  /** Adds a rule for both versions of IP. */
  #addRules(words: Omit<Rule, "family">): void {
    for (const family of [AF_INET, AF_INET6] as const) {
      const rule = { family, ...words };
      if (putIfPossible(rule)) this.#rules.push(rule);
    }
  }

  #putRoutes(hasIpv6: boolean): void {
    for (const route of this.#routes(hasIpv6)) putRoute(route, this.#device.name);
  }

  /** What leads everything into the device, in its own table. */
  #routes(hasIpv6: boolean): Route[] {
    const networks = [...HALVES.ipv4, ...hasIpv6 ? HALVES.ipv6 : []];
    const interfaceIndex = this.#index;
    const table = tableOf(interfaceIndex);
    return networks.map((network) => ({ network, interfaceIndex, table }));
  }
}

function serverRule(destination: IpAddress): Rule {
  const family = isIpv4(destination) ? AF_INET : AF_INET6;
  return { family, priority: RulePriority.server, destination, table: RT_TABLE_MAIN };
}

/**
 * Adds a rule, or returns false if it is for IPv6, and this machine has none that could leak.
 *
 * @throws {OsError}
 */
function putIfPossible(rule: Rule): boolean {
  try {
    putRule(rule);
    return true;
  } catch (error) {
    if (!(error instanceof OsError) || rule.family === AF_INET) throw error;
    if (!NO_RULES.includes(error.errno) || hasIpv6Address()) throw error;
    return false;
  }
}

function hasIpv6Address(): boolean {
  return Deno.networkInterfaces()
    .some(({ family, address }) => family === "IPv6" && address !== "::1");
}
