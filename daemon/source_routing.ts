import { AF_INET, AF_INET6 } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { interfaceExists, NetworkInterface } from "../ffi/interface.ts";
import {
  addRoute,
  addRule,
  deleteRule,
  listRules,
  type Route,
  type SourceRule,
} from "../ffi/rtnetlink.ts";
import { formatAddress, type IpAddress } from "../lib/address/ip_address.ts";
import type { Prefix } from "../lib/address/prefix.ts";
import { log } from "./logging.ts";

/** The rules come after the kernel's table of local addresses (0), before the main one (32766). */
const PRIORITY = 2002;

/** An interface's table has this number and the interface's index added. */
const TABLE_BASE = 20_020_000;

/**
 * Sends what comes from an address of a TUN device through that device, also where another
 * interface has a route to the same network: a second client on one machine, or a LAN that overlaps
 * the tunnel's network. Answers then go back the way that the questions came.
 */
export class SourceRouting {
  readonly #device: NetworkInterface;
  #rules: SourceRule[] = [];

  constructor(name: string) {
    this.#device = new NetworkInterface(name);
  }

  /** Adds to what was added before. @throws {OsError} */
  add(source: IpAddress, network: Prefix): void {
    const { index, name } = this.#device;
    const table = TABLE_BASE + index;
    addRouteOnce({ network, interfaceIndex: index, table });
    const rule = { source, table, priority: PRIORITY };
    addRule(rule);
    this.#rules.push(rule);
    log.debug("ip route replace {network} dev {name} table {table}", {
      network: network.toString(),
      name,
      table,
    });
    log.debug("ip rule add {rule}", { rule: describeRule(rule) });
  }

  /** Takes the rules back; the routes go with the device. @throws {OsError} */
  clear(): void {
    for (const rule of this.#rules) remove(rule);
    this.#rules = [];
  }
}

/** The table is this interface's own, so a route that is there already is the same. */
function addRouteOnce(route: Route): void {
  try {
    addRoute(route);
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== Errno.EEXIST) throw error;
  }
}

/** Removes the rules of programs that ended without doing so: their devices are gone. */
export function removeStaleRules(): void {
  for (const family of [AF_INET, AF_INET6] as const) removeStaleRulesOf(family);
}

/** Such rules of one version of IP. @throws {OsError} where the kernel has no rules */
export function staleRules(family: typeof AF_INET | typeof AF_INET6): SourceRule[] {
  return listRules(family).filter(({ table }) => !interfaceExists(table - TABLE_BASE));
}

function removeStaleRulesOf(family: typeof AF_INET | typeof AF_INET6): void {
  try {
    for (const rule of staleRules(family)) remove(rule);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    // A kernel without policy routing, or without IPv6, has no rules to remove either.
    log.debug("Cannot list routing rules: {reason}", { reason: error.reason });
  }
}

function remove(rule: SourceRule): void {
  log.debug("ip rule delete {rule}", { rule: describeRule(rule) });
  try {
    deleteRule(rule);
  } catch (error) {
    const gone = error instanceof OsError && error.errno === Errno.ENOENT;
    if (!gone) throw error;
  }
}

/** As `ip rule` takes it. */
export function describeRule({ source, table, priority }: SourceRule): string {
  return `from ${formatAddress(source)} lookup ${table} priority ${priority} protocol 202`;
}
