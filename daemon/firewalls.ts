import {
  droppingChains,
  dropsForwarded,
  foreignNatTables,
  iptablesWays,
  namesDevice,
  waysThrough,
} from "../lib/gateway/firewalls.ts";
import { OsError } from "../ffi/error.ts";
import { readKernelFile } from "../ffi/kernel_file.ts";
import { log } from "./logging.ts";
import { tryNft } from "./nft.ts";
import { runCommand } from "./run_command.ts";

/** Warns of other programs' rules by which forwarded packets of a TUN device may be dropped. */
export async function warnOfFirewalls(tun: string): Promise<void> {
  for (const chain of droppingChains((await tryNft(["list", "chains"]))?.stdout ?? "")) {
    const { family, table } = chain;
    const rules = (await tryNft(["list", "table", family, table]))?.stdout ?? "";
    if (namesDevice(rules, tun)) continue;
    warn(
      `nftables, table ${family} ${table}, chain ${chain.chain}`,
      tun,
      waysThrough(chain, rules, tun),
    );
  }
  await warnOfLegacy("iptables", "/proc/net/ip_tables_names", tun);
  await warnOfLegacy("ip6tables", "/proc/net/ip6_tables_names", tun);
}

/**
 * Warns if others of this machine, which did not forward by itself, seem to rely on that it does. Returns
 * whether there was anything to warn of.
 */
export async function warnOfForwarders(): Promise<boolean> {
  const [table] = foreignNatTables((await tryNft(["list", "chains"]))?.stdout ?? "");
  if (table === undefined) return false;
  log.warn(
    "Another program of this machine seems to forward, too (nftables, table {table}), which the machine " +
      "does not do by itself: nothing but the tunnel's packets is forwarded. If it is to, as for Docker, " +
      "have it forward from its start on: net.ipv4.ip_forward=1 and net.ipv6.conf.all.forwarding=1 in a " +
      "file of /etc/sysctl.d",
    { table },
  );
  return true;
}

/** The iptables of old have tables of their own, which nft does not show. */
async function warnOfLegacy(command: string, tables: string, tun: string): Promise<void> {
  if (!hasFilterTable(tables)) return;
  for (const program of [`${command}-legacy`, command]) {
    const rules = await rulesOf(program);
    if (rules === undefined) continue;
    if (dropsForwarded(rules, tun)) warn(program, tun, iptablesWays(program, "FORWARD", tun));
    return;
  }
}

function hasFilterTable(file: string): boolean {
  try {
    return readKernelFile(file).split("\n").includes("filter");
  } catch (error) {
    // Only those of a kernel that has them, and only root sees.
    if (error instanceof OsError) return false;
    throw error;
  }
}

async function rulesOf(program: string): Promise<string | undefined> {
  try {
    const { code, stdout } = await runCommand([program, "-S", "FORWARD"]);
    return code === 0 ? stdout : undefined;
  } catch {
    return undefined;
  }
}

function warn(where: string, tun: string, mend: string): void {
  log.warn(
    "Another firewall of this machine may drop what {tun} has forwarded ({where}): let it through with: " +
      "{mend}",
    { tun, where, mend },
  );
}
