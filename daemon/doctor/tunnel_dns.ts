import { AF_INET } from "../../ffi/constants.ts";
import { OsError } from "../../ffi/error.ts";
import { interfaceName, NetworkInterface } from "../../ffi/interface.ts";
import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";
import { parseSocketAddress, ResolveError } from "../../ffi/resolve.ts";
import { wayTo } from "../../ffi/rtnetlink.ts";
import { readNameservers } from "../../lib/doctor/dns_message.ts";
import { type Finding, ok, warning } from "../../lib/doctor/finding.ts";
import { serviceRemedy } from "../dns_remedy.ts";
import { hasResolved, resolvedDomains, resolvedServers } from "../dns_ways.ts";
import { RESOLV_CONF } from "../resolv_conf_file.ts";
import { isLiveTunnel, rulesOf, tableOf } from "../routing_rules.ts";
import { readTextIfAny } from "../state_file.ts";

const DNS = "dns";
const DNS_PORT = 53;

/** What is known of a running client, as far as its machine's DNS goes. */
export interface DnsUser {
  pid: number;
  /** Its TUN device. */
  tun: string;
  /** The DNS servers that its server told. */
  told: readonly string[];
  /** Whether it is to use them. */
  uses: boolean;
}

/**
 * Whether a running client's machine uses the DNS servers that the server told; and, if everything goes
 * through the tunnel, whether names are asked past it.
 */
export async function checkTunnelDns(user: DnsUser): Promise<Finding[]> {
  const isResolved = await hasResolved();
  return [...await checkUse(user, isResolved), ...await checkLeaks(user, isResolved)];
}

async function checkUse(user: DnsUser, isResolved: boolean): Promise<Finding[]> {
  const { tun, told, uses } = user;
  if (told.length === 0 || !uses) return [];
  const used = isResolved ? await resolvedServers(tun) : machineServers();
  // A program on this machine may ask them for everybody.
  if (used.some((server) => told.includes(server) || !isResolved && isLoopback(server))) return [];
  const what = `The DNS servers that the server tells (${told.join(", ")}) are not set here`;
  return [
    warning(DNS, what, { why: "names in the tunnel may not be found", mend: await mendFor(user) }),
  ];
}

async function checkLeaks(user: DnsUser, isResolved: boolean): Promise<Finding[]> {
  const { tun } = user;
  const table = tableOf(new NetworkInterface(tun).index);
  const isFull = rulesOf(AF_INET).some((rule) => isLiveTunnel(rule) && rule.table === table);
  if (!isFull) return [];
  const leaks = isResolved ? await resolvedLeaks(tun) : await fileLeaks(tun);
  if (leaks.length === 0) return [ok(DNS, "No name is asked past the full tunnel")];
  const mend = await mendFor(user);
  return leaks.map((leak) =>
    warning(DNS, `Names are asked past the full tunnel: ${leak}`, {
      why: "the network outside sees which names these are, and can give wrong answers",
      mend,
    })
  );
}

function machineServers(): string[] {
  return readNameservers(readTextIfAny(RESOLV_CONF) ?? "");
}

function isLoopback(server: string): boolean {
  return server.startsWith("127.") || server === "::1";
}

async function resolvedLeaks(tun: string): Promise<string[]> {
  if ((await resolvedDomains(tun)).includes("~.")) return [];
  return [`systemd-resolved asks others than ${tun}'s DNS servers`];
}

/** Programs on this machine itself are not said to be outside, though they may ask there. */
async function fileLeaks(tun: string): Promise<string[]> {
  const servers = machineServers();
  const ways = await Promise.all(servers.map(exitTo));
  return servers.flatMap((server, i) => {
    const way = ways[i];
    const isInside = way === undefined || way === tun || way === "lo";
    return isInside ? [] : [`the DNS server ${server} is reached by ${way}`];
  });
}

/** The interface; undefined if packets to the server get nowhere. */
async function exitTo(server: string): Promise<string | undefined> {
  try {
    const [address] = await parseSocketAddress(server, DNS_PORT);
    const { interfaceIndex } = wayTo(address!.ip);
    return interfaceIndex === undefined ? undefined : interfaceName(interfaceIndex);
  } catch (error) {
    if (error instanceof OsError || error instanceof ResolveError) return undefined;
    throw error;
  }
}

async function mendFor({ pid, told, uses }: DnsUser): Promise<string> {
  if (told.length === 0) return "start the server with --dns ADDRESS, one that is in the tunnel";
  if (!uses) return "leave --no-dns out";
  return isRoots(pid) ? "the client's log says why it did not set them" : await serviceRemedy();
}

/** Going by its effective user, the second number (proc_pid_status(5)). */
function isRoots(pid: number): boolean {
  return /^Uid:\s+\d+\s+0\s/m.test(readKernelFileIfAny(`/proc/${pid}/status`) ?? "");
}
