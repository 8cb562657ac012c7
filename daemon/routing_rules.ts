import { AF_INET, AF_INET6, RT_TABLE_MAIN } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { interfaceExists } from "../ffi/interface.ts";
import {
  addRoute,
  addRule,
  deleteRoute,
  deleteRule,
  type IpFamily,
  listRules,
  type Route,
  type Rule,
} from "../ffi/rtnetlink.ts";
import { formatAddress } from "../lib/address/ip_address.ts";
import { log } from "./logging.ts";

/** Our rules come after the kernel's table of local addresses (0), before the main one (32766). */
export const RulePriority = {
  /** What comes from an address of the tunnel's: SourceRouting. */
  source: 2002,
  /** The others are FullTunnel's: what goes to the server itself. */
  server: 2003,
  /** What the main table has a route for, other than the default one. */
  local: 2004,
  /** Everything else: into the tunnel's table. */
  tunnel: 2005,
  /** What has no route there. */
  rest: 2006,
} as const;

/** An interface's table has this number and the interface's index added. */
const TABLE_BASE = 20_020_000;

export function tableOf(interfaceIndex: number): number {
  return TABLE_BASE + interfaceIndex;
}

/** Whether the interface that has this table is there. */
function hasInterface(table: number): boolean {
  return interfaceExists(table - TABLE_BASE);
}

/** Adds a rule. @throws {OsError} */
export function putRule(rule: Rule): void {
  addRule(rule);
  log.debug("ip {rule}", { rule: describeRule(rule, "add") });
}

/** Removes a rule, if it is there. @throws {OsError} */
export function removeRule(rule: Rule): void {
  log.debug("ip {rule}", { rule: describeRule(rule, "delete") });
  try {
    deleteRule(rule);
  } catch (error) {
    const gone = error instanceof OsError && error.errno === Errno.ENOENT;
    if (!gone) throw error;
  }
}

/** What a kernel says of a route that is not there, nor its interface or that version of IP. */
const NO_ROUTE: readonly number[] = [
  Errno.ESRCH,
  Errno.ENODEV,
  Errno.EOPNOTSUPP,
  Errno.EAFNOSUPPORT,
];

/** Removes a route from an interface's own table, if it is there. @throws {OsError} */
export function removeRoute(route: Route): void {
  try {
    deleteRoute(route);
  } catch (error) {
    if (!(error instanceof OsError) || !NO_ROUTE.includes(error.errno)) throw error;
  }
}

/** Adds a route to an interface's own table; one that is there already is the same. @throws {OsError} */
export function putRoute(route: Route, name: string): void {
  try {
    addRoute(route);
    const { network, table } = route;
    log.debug("ip route add {network} dev {name} table {table}", {
      network: `${network}`,
      name,
      table,
    });
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== Errno.EEXIST) throw error;
  }
}

/**
 * Removes the rules of programs that ended without doing so: their devices are gone. Returns what it
 * did, as the commands that it amounts to.
 *
 * @throws {OsError} if one cannot be removed
 */
export function removeStaleRules(): string[] {
  const stale = staleRules();
  stale.forEach(removeRule);
  return stale.map(deletion);
}

/** The rules of programs that ended without removing them. */
export function staleRules(): Rule[] {
  return ([AF_INET, AF_INET6] as const).flatMap((family) => staleAmong(rulesOf(family)));
}

/** The command that deletes a rule. */
export function deletion(rule: Rule): string {
  return `ip ${describeRule(rule, "delete")}`;
}

/** The rules of one version of IP that are this project's. */
export function rulesOf(family: IpFamily): Rule[] {
  try {
    return listRules(family);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    // A kernel without policy routing, or without IPv6, has no rules either.
    log.debug("Cannot list routing rules: {reason}", { reason: error.reason });
    return [];
  }
}

/** Of the rules of a full tunnel, of which there is one at the most, one alone names its device. */
function staleAmong(rules: readonly Rule[]): Rule[] {
  const isFull = rules.some(isLiveTunnel);
  return rules.filter(({ priority, table }) =>
    priority === RulePriority.source ? !hasInterface(table) : !isFull
  );
}

/** Whether a rule says that there is a full tunnel now. */
export function isLiveTunnel({ priority, table }: Rule): boolean {
  return priority === RulePriority.tunnel && hasInterface(table);
}

/** A rule as words of ip(8). */
function describeRule(rule: Rule, verb: "add" | "delete"): string {
  const { family, source, destination, table, suppressPrefixLength, priority } = rule;
  return [
    ...family === AF_INET6 ? ["-6"] : [],
    `rule ${verb}`,
    ...source === undefined ? [] : [`from ${formatAddress(source)}`],
    ...destination === undefined ? [] : [`to ${formatAddress(destination)}`],
    rule.unreachable ? "unreachable" : `lookup ${table === RT_TABLE_MAIN ? "main" : table}`,
    ...suppressPrefixLength === undefined ? [] : [`suppress_prefixlength ${suppressPrefixLength}`],
    `priority ${priority} protocol 202`,
  ].join(" ");
}
