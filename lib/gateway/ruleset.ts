/** The nftables table of a gateway, as text that `nft -f` takes (nft(8)). */
import type { IpVersion } from "./forwarding_plan.ts";

/**
 * The group that TUN devices of gateways are put in (ip-link(8), "group"), by which each knows all
 * others of its machine.
 */
export const TUN_GROUP = 2002;

/** What a machine that did not forward before is to be kept from. */
export interface Guard {
  /** The versions of IP that are forwarded only now. */
  versions: readonly IpVersion[];
  /** Interfaces from which IPv4 was forwarded all the same. */
  forwarding: readonly string[];
  /**
   * The machine's bridges. Where br_netfilter is loaded, what one passes between its ports comes by here
   * as if it were forwarded.
   */
  bridges: readonly string[];
  /** The absolute path of the note of what was changed: another gateway of this machine may end last. */
  notePath: string;
}

export interface GatewayRules {
  /** Name of the TUN device. */
  tun: string;
  /** Whether machines beyond see this machine's address in place of those in the tunnel. */
  nat: boolean;
  guard: Guard | undefined;
}

const VERSIONS: readonly IpVersion[] = ["ipv4", "ipv6"];

/** Begins the names of gateways' tables. */
const TABLE_PREFIX = "simplevpn_";

/** The name of a TUN device's table: nft takes "/" in names, but "@" not, and devices the reverse. */
export function tableName(tun: string): string {
  return `${TABLE_PREFIX}${tun.replaceAll("@", "/")}`;
}

/** Whether a table of family inet is some gateway's. */
export function isGatewayTable(name: string): boolean {
  return name.startsWith(TABLE_PREFIX);
}

/** What replaces the table of a TUN device, or makes it, in one transaction. */
export function gatewayTable({ tun, nat, guard }: GatewayRules): string {
  const table = `table inet ${tableName(tun)}`;
  const lines = [
    // So that there is one to be deleted.
    table,
    `delete ${table}`,
    `${table} {`,
    ...chain("forward", "type filter hook forward priority filter; policy accept;", [
      `iifname "${tun}" accept`,
      ...nat ? [`oifname "${tun}" ct state established,related accept`] : [],
      ...nat ? [`oifname "${tun}" drop`] : [],
      ...guard === undefined ? [] : guardRules(guard),
    ]),
    ...nat
      ? chain("postrouting", "type nat hook postrouting priority srcnat; policy accept;", [
        `iifname "${tun}" oifname != "${tun}" masquerade`,
      ])
      : [],
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

function chain(name: string, type: string, rules: readonly string[]): string[] {
  return [`  chain ${name} {`, ...[type, ...rules].map((line) => `    ${line}`), "  }"];
}

/** What a name must be like to stand in quotes as it is, and to mean one interface. */
const PLAIN_NAME = /^[A-Za-z0-9_.@:+-]+$/;

/** A comment has 128 bytes at most (NFTNL_UDATA_COMMENT_MAXLEN), and no quotes. */
const PLAIN_PATH = /^[A-Za-z0-9_.@:+\/-]{1,100}$/;

function guardRules({ versions, forwarding, bridges, notePath }: Guard): string[] {
  const names = quoted(forwarding);
  const bridged = quoted(bridges).map((name) => `${name} . ${name}`);
  const note = PLAIN_PATH.test(notePath) ? notePath : "-";
  return [
    `iifgroup ${TUN_GROUP} accept`,
    `oifgroup ${TUN_GROUP} accept`,
    ...names.length > 0 ? [`meta nfproto ipv4 iifname { ${names.join(", ")} } accept`] : [],
    ...bridged.length > 0 ? [`iifname . oifname { ${bridged.join(", ")} } accept`] : [],
    `meta nfproto { ${versions.join(", ")} } drop comment "note: ${note}"`,
  ];
}

function quoted(names: readonly string[]): string[] {
  return names.filter((name) => PLAIN_NAME.test(name)).map((name) => `"${name}"`);
}

/** The names of gateways' tables in what "nft list tables" prints. */
export function gatewayTables(list: string): string[] {
  return [...list.matchAll(/^table inet (\S+)$/gm)].map(([, name]) => name!).filter(isGatewayTable);
}

/** The versions of IP that a table's guard is for, in what "nft list table" prints of it. */
export function guardedVersions(table: string): IpVersion[] {
  const versions = /meta nfproto (?:\{ (.*) \}|(\w+)) drop comment "note: /.exec(table);
  return VERSIONS.filter((version) => (versions?.[1] ?? versions?.[2])?.includes(version));
}

/**
 * The file that a table's guard names, in what "nft list table" prints of it: "-" if it could not be named,
 * undefined if there is no guard.
 */
export function notePathIn(table: string): string | undefined {
  return /drop comment "note: ([^"\n]+)"$/m.exec(table)?.[1];
}
