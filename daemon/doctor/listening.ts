import { Errno } from "../../ffi/error.ts";
import { ProbeSocket } from "../../ffi/probe_socket.ts";
import { closeFd } from "../../ffi/fd.ts";
import { parseSocketAddress } from "../../ffi/resolve.ts";
import type { ServerSettings } from "../../lib/config/settings.ts";
import { fault, type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";
import { findDrop } from "../../lib/doctor/nft_ruleset.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import { Failure } from "../failure.ts";
import { listen } from "../listen.ts";
import { runCommand } from "../run_command.ts";
import { legacyDrops, type PacketFilter } from "./packet_filter.ts";

const PORT = "port";
const FIREWALL = "firewall";

type Place = Pick<ServerSettings, "port" | "listen" | "carriers">;

/** Whether the server has its port, or can have it. */
export async function checkPort(place: Place, isRunning: boolean): Promise<Finding[]> {
  return (await Promise.all(
    place.carriers.map((carrier) =>
      isRunning ? checkHeldPort(carrier, place) : checkFreePort(carrier, place)
    ),
  )).flat();
}

async function checkFreePort(carrier: Carrier, { port, listen: host }: Place): Promise<Finding[]> {
  const name = carrier === "tcp" ? "TCP" : "UDP";
  try {
    closeFd(await listen(name, host, port));
    return [ok(PORT, `${name} port ${port} is free`)];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const holders = await portHolders(carrier, port);
    return [
      fault(PORT, `The server cannot have ${name} port ${port}`, {
        why: holders === "" ? error.message : `it is that of ${holders}`,
        mend:
          `end that program, or choose another port with -p; "sudo ss -lnp sport = :${port}" shows it`,
      }),
    ];
  }
}

async function checkHeldPort(carrier: Carrier, place: Place): Promise<Finding[]> {
  const { port } = place;
  const name = carrier.toUpperCase();
  const why =
    "the server was started with another -p, or without this protocol; or another program had " +
    "the port when it started";
  const mend =
    `its log tells where it listens; "sudo ss -lnp sport = :${port}" shows who has the port`;
  if (carrier === "tcp") {
    if (await takesConnections(place)) {
      return [ok(PORT, `The server takes connections on TCP port ${port}`)];
    }
    return [
      fault(PORT, `Nobody takes connections on TCP port ${port} of this machine`, { why, mend }),
    ];
  }
  const holders = await portHolders(carrier, port);
  if (holders === undefined) return [];
  if (holders === "") return [warning(PORT, `Nobody has ${name} port ${port}`, { why, mend })];
  return [ok(PORT, `${name} port ${port} is that of ${holders}`)];
}

async function takesConnections({ port, listen: host }: Place): Promise<boolean> {
  const wildcard = host === undefined || host === "0.0.0.0" || host === "::";
  const [address] = await parseSocketAddress(wildcard ? "127.0.0.1" : host, port);
  using socket = ProbeSocket.tcp(address!);
  const error = await socket.connected(2_000);
  // A packet filter that drops it is told of by another check.
  return error === 0 || error === Errno.ETIMEDOUT;
}

/** Which programs have a port, in words; empty if none has; undefined if that cannot be asked. */
async function portHolders(carrier: Carrier, port: number): Promise<string | undefined> {
  try {
    const flags = carrier === "tcp" ? "-Hlntp" : "-Hlnup";
    const { code, stdout } = await runCommand(["ss", flags, `sport = :${port}`], {
      timeout: 5_000,
    });
    if (code !== 0) return undefined;
    if (stdout.trim() === "") return "";
    const names = [...stdout.matchAll(/\("([^"]*)",pid=(\d+)/g)].map(([, name, pid]) =>
      `${name} (process ${pid})`
    );
    return names.length === 0 ? "a program of another user" : [...new Set(names)].join(", ");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether this machine's own packet filter lets clients in. */
export function checkFirewall(
  filter: PacketFilter | undefined,
  { port, carriers }: Place,
): Finding[] {
  if (filter === undefined) {
    return [note(FIREWALL, "The packet filter could not be looked at: that takes root, and nft")];
  }
  const findings = carriers.flatMap((carrier) => {
    const chain = findDrop(filter.chains, "input", { protocol: carrier, port });
    const isLegacy = legacyDrops(
      filter.legacy,
      "INPUT",
      new RegExp(`-p ${carrier}\\b.*\\b${port}\\b`),
    );
    if (chain === undefined && !isLegacy) return [];
    const name = carrier.toUpperCase();
    const where = chain === undefined ? "INPUT" : `${chain.family} ${chain.table} ${chain.name}`;
    return [
      fault(FIREWALL, `This machine's packet filter drops ${name} to port ${port}`, {
        why: `the chain ${where} drops what no rule accepts, or a rule there drops it`,
        mend: chain === undefined
          ? `"sudo iptables-legacy -I INPUT -p ${carrier} --dport ${port} -j ACCEPT"`
          : `"sudo nft insert rule ${where} ${carrier} dport ${port} accept", and the same in the file that it ` +
            "is loaded from; with ufw: " + `"sudo ufw allow ${port}/${carrier}"`,
      }),
    ];
  });
  if (findings.length > 0) return findings;
  return [ok(FIREWALL, `This machine's packet filter lets port ${port} be reached`)];
}
