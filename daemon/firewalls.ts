import {
  droppingChains,
  dropsForwarded,
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
