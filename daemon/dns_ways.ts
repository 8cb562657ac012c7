/** Ways to give a machine DNS servers, apart from writing its resolv.conf. */
import { formatAddress } from "../lib/address/ip_address.ts";
import type { DnsSettings } from "../lib/config/dns.ts";
import { formatResolvConf, parseResolvConf } from "../lib/config/resolv_conf.ts";
import { type CommandResult, runCommand } from "./run_command.ts";
import { RESOLV_CONF } from "./resolv_conf_file.ts";
import { readTextIfAny } from "./state_file.ts";

/** Milliseconds that a program has for it; systemd-resolved itself answers within a few. */
const TIMEOUT = 5000;

/** Where systemd-resolved listens on every machine that it runs on (systemd-resolved.service(8)). */
const RESOLVED_STUBS = ["127.0.0.53", "127.0.0.54"];
const RESOLVED_FOLDER = "/run/systemd/resolve/";

/** Exit status of a Debian resolvconf that is too old to know --version. */
const NOT_RECOGNIZED = 99;

/** How a machine is given DNS servers. */
export type DnsWay = "resolved" | "resolvconf" | "file";

/** Programs of the name resolvconf(8). */
export type Resolvconf = "openresolv" | "debian";

/** Whether this machine's names are looked up by systemd-resolved, and it runs. */
export async function hasResolved(): Promise<boolean> {
  return asksResolved() && await runsResolved();
}

export async function runsResolved(): Promise<boolean> {
  try {
    return (await run(["resolvectl", "dns"])).code === 0;
  } catch {
    return false;
  }
}

/** resolv.conf leads there, or glibc asks there before it looks at resolv.conf (nss-resolve(8)). */
export function asksResolved(): boolean {
  const { nameservers } = parseResolvConf(readTextIfAny(RESOLV_CONF) ?? "");
  if (nameservers.some((server) => RESOLVED_STUBS.includes(server))) return true;
  const hosts = /^hosts:(.*)$/m.exec(readTextIfAny("/etc/nsswitch.conf") ?? "")?.[1] ?? "";
  return /\sresolve\b/.test(hosts) || isResolvedFile();
}

function isResolvedFile(): boolean {
  try {
    return Deno.realPathSync(RESOLV_CONF).startsWith(RESOLVED_FOLDER);
  } catch {
    return false;
  }
}

/**
 * Gives systemd-resolved the servers of one link (docs/RESOLVED-VPNS.md in systemd). They are asked for
 * names in the link's domains; "~." stands for all names.
 *
 * @throws {Error} that says why not
 */
export async function setResolved(
  link: string,
  { servers, domains, all }: DnsSettings,
): Promise<void> {
  const routed = [...domains, ...all ? ["~."] : []];
  await must(["resolvectl", "dns", link, ...servers.map(formatAddress)]);
  // An empty list is given as one empty word.
  await must(["resolvectl", "domain", link, ...routed.length > 0 ? routed : [""]]);
  await must(["resolvectl", "default-route", link, all ? "yes" : "no"]);
}

/** Takes them away. They go with the link as well. @throws {Error} that says why not */
export async function clearResolved(link: string): Promise<void> {
  await must(["resolvectl", "revert", link]);
}

/** The servers of a link in systemd-resolved, as text. @throws {Error} that says why not */
export function resolvedServers(link: string): Promise<string[]> {
  return askResolved("dns", link);
}

/** The domains of a link there, as `setResolved()` gives them. @throws {Error} that says why not */
export function resolvedDomains(link: string): Promise<string[]> {
  return askResolved("domain", link);
}

/** It answers with a line such as "Link 7 (vpn0): lab.example ~.". */
async function askResolved(what: "dns" | "domain", link: string): Promise<string[]> {
  const said = await must(["resolvectl", what, link]);
  return said.slice(said.indexOf("):") + 2).split(/\s+/).filter((word) => word !== "");
}

/** Which resolvconf(8) there is; systemd's, which is but another name of resolvectl(1), is none. */
export async function findResolvconf(): Promise<Resolvconf | undefined> {
  try {
    const { code, stdout } = await run(["resolvconf", "--version"]);
    if (stdout.startsWith("openresolv")) return "openresolv";
    return stdout.startsWith("Debian") || code === NOT_RECOGNIZED ? "debian" : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The name of a link's entry. Both programs ask those first whose names begin as tunnels' do: "tun[0-9]*"
 * in openresolv's dynamic_order, "tun*" in Debian's interface-order.
 */
export function resolvconfEntry(link: string): string {
  return `tun0.${link}`;
}

/** Makes an entry. @throws {Error} that says why not */
export async function setResolvconf(
  kind: Resolvconf,
  entry: string,
  { servers, domains, all }: DnsSettings,
): Promise<void> {
  // Leaves all others out; Debian's cannot do that.
  const order = kind === "openresolv" && all ? ["-x"] : [];
  const input = formatResolvConf({
    nameservers: servers.map(formatAddress),
    search: domains,
    others: [],
  });
  await must(["resolvconf", ...order, "-a", entry], input);
}

/** Takes an entry away, if it is there. @throws {Error} that says why not */
export async function clearResolvconf(entry: string): Promise<void> {
  const force = await findResolvconf() === "openresolv" ? ["-f"] : [];
  await must(["resolvconf", ...force, "-d", entry]);
}

function run(command: [string, ...string[]], input?: string): Promise<CommandResult> {
  return runCommand(command, { timeout: TIMEOUT, ...input === undefined ? {} : { input } });
}

/** @returns what it said */
async function must(command: [string, ...string[]], input?: string): Promise<string> {
  const { code, stdout, stderr } = await run(command, input);
  if (code === 0) return stdout;
  const said = (stderr || stdout).trim().split("\n")[0]!.slice(0, 200);
  throw new Error(`"${command.join(" ")}" ended with status ${code}: ${said}`);
}
