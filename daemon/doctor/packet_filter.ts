import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";
import { type NftChain, parseRuleset } from "../../lib/doctor/nft_ruleset.ts";
import { runCommand } from "../run_command.ts";

/** Bytes of rules that are read: machines that run containers have many. */
const RULES_MOST = 16 * 1024 * 1024;

/** What this machine's packet filter is set to, as far as it can be seen. */
export interface PacketFilter {
  chains: NftChain[];
  /** The rules of the older iptables, as `iptables-legacy -S` prints them; empty where it is not in use. */
  legacy: string;
}

/** Reads it; undefined if nft is not there, or this user may not see it. */
export async function readPacketFilter(): Promise<PacketFilter | undefined> {
  const ruleset = await output(["nft", "-j", "list", "ruleset"]);
  if (ruleset === undefined) return undefined;
  const isLegacy = (readKernelFileIfAny("/proc/net/ip_tables_names") ?? "").includes("filter");
  const legacy = isLegacy ? await output(["iptables-legacy", "-S"]) : undefined;
  return { chains: parseRuleset(ruleset), legacy: legacy ?? "" };
}

async function output(command: [string, ...string[]]): Promise<string | undefined> {
  try {
    const { code, stdout } = await runCommand(command, { timeout: 5_000, outputMost: RULES_MOST });
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
