/**
 * Other programs' firewalls on a gateway's machine. A packet has to be accepted by every chain that looks
 * at it, so no table of ours can let through what theirs drops.
 */
import { isGatewayTable } from "./ruleset.ts";

/** A chain that looks at forwarded packets, and drops what none of its rules accepts. */
export interface ForwardChain {
  /** Of nftables: "ip", "ip6", "inet". */
  family: string;
  table: string;
  chain: string;
}

/**
 * The chains that a gateway's packets may be lost in, in what "nft list chains" prints. firewalld's is
 * one, too: its policy is to accept, but its last rule rejects.
 */
export function droppingChains(list: string): ForwardChain[] {
  return baseChains(list)
    .filter(({ type, table }) =>
      type.startsWith("type filter hook forward ") &&
      (type.endsWith(" policy drop;") || table === "firewalld")
    )
    .map(({ family, table, chain }) => ({ family, table, chain }));
}

/**
 * The tables by which others translate addresses of what leaves this machine, in what "nft list chains"
 * prints: as containers' and virtual machines' managers do, whose guests need forwarding.
 */
export function foreignNatTables(list: string): string[] {
  return baseChains(list)
    .filter(({ type, table }) =>
      type.startsWith("type nat hook postrouting ") && !isGatewayTable(table)
    )
    .map(({ family, table }) => `${family} ${table}`);
}

/** A chain that the kernel calls, with the line that says where and when. */
interface BaseChain extends ForwardChain {
  type: string;
}

function baseChains(list: string): BaseChain[] {
  const found: BaseChain[] = [];
  let [family, table, chain] = ["", "", ""];
  for (const line of list.split("\n")) {
    const inTable = /^table (\S+) (\S+) \{$/.exec(line);
    if (inTable) [family, table] = [inTable[1]!, inTable[2]!];
    chain = /^\tchain (\S+) \{$/.exec(line)?.[1] ?? chain;
    const type = /^\t\t(type .*)$/.exec(line)?.[1];
    if (type !== undefined) found.push({ family, table, chain, type });
  }
  return found;
}

/** Whether the policy is to drop in what "iptables -S FORWARD" prints, and no rule names the device. */
export function dropsForwarded(rules: string, tun: string): boolean {
  return /^-P FORWARD DROP$/m.test(rules) && !namesDevice(rules, tun);
}

/** Whether some rule is about this device already, as it stands in a list of rules. */
export function namesDevice(rules: string, tun: string): boolean {
  return rules.split(/[\s"]+/).includes(tun);
}

/**
 * The commands that let a TUN device's packets through a chain.
 *
 * @param rules what "nft list table" prints of the chain's table
 */
export function waysThrough(
  { family, table, chain }: ForwardChain,
  rules: string,
  tun: string,
): string {
  if (table === "firewalld") return `firewall-cmd --zone=trusted --add-interface=${tun}`;
  const isDocker = /^\tchain DOCKER-USER \{$/m.test(rules);
  if (isDocker) {
    return iptablesWays(family === "ip6" ? "ip6tables" : "iptables", "DOCKER-USER", tun);
  }
  if (/^\tchain ufw6?-user-forward \{$/m.test(rules)) {
    return `ufw route allow in on ${tun}; ufw route allow out on ${tun}`;
  }
  const insert = `nft insert rule ${family} ${table} ${chain}`;
  return `${insert} iifname ${tun} accept; ${insert} oifname ${tun} accept`;
}

/** The same for a chain of iptables. */
export function iptablesWays(command: string, chain: string, tun: string): string {
  const insert = `${command} -I ${chain}`;
  return `${insert} -i ${tun} -j ACCEPT; ${insert} -o ${tun} -j ACCEPT`;
}
