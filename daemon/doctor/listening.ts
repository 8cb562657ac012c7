import { Errno } from "../../ffi/error.ts";
import { ProbeSocket } from "../../ffi/probe_socket.ts";
import { closeFd } from "../../ffi/fd.ts";
import { parseSocketAddress } from "../../ffi/resolve.ts";
import type { ServerSettings } from "../../lib/config/server_settings.ts";
import { fault, type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";
import { legacyDrops } from "../../lib/doctor/legacy_rules.ts";
import { findDrop } from "../../lib/doctor/nft_ruleset.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import { Failure } from "../failure.ts";
import { listen } from "../listen.ts";
import { runCommand } from "../run_command.ts";
import type { PacketFilter } from "./packet_filter.ts";

const PORT = "port";
const FIREWALL = "firewall";

type Place = Pick<ServerSettings, "port" | "listen" | "carriers">;

/**
 * Whether the server has its port, or can have it.
 *
 * @param running its process, if it is running
 */
export async function checkPort(place: Place, running: number | undefined): Promise<Finding[]> {
  return await Promise.all(
    place.carriers.map((carrier) =>
      running === undefined ? checkFreePort(carrier, place) : checkHeldPort(carrier, place, running)
    ),
  );
}

async function checkFreePort(carrier: Carrier, { port, listen: host }: Place): Promise<Finding> {
  const name = carrier === "tcp" ? "TCP" : "UDP";
  try {
    closeFd(await listen(name, host, port));
    return ok(PORT, `${name} port ${port} is free`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const holders = await portHolders(carrier, port) ?? [];
    return fault(PORT, `The server cannot have ${name} port ${port}`, {
      why: holders.length === 0 ? error.message : `it is that of ${describeHolders(holders)}`,
      mend: `end that program, or choose another port with -p; ${show(port)}`,
    });
  }
}

async function checkHeldPort(carrier: Carrier, place: Place, running: number): Promise<Finding> {
  const { port } = place;
  const name = carrier.toUpperCase();
  const holders = await portHolders(carrier, port);
  if (holders !== undefined && !holders.some(({ pid }) => pid === running)) {
    if (holders.length === 0) {
      return note(PORT, `The running server does not serve ${name} port ${port}`, {
        why: "it was started with another -p, or for the other protocol alone",
        mend: `its log tells where it listens; ${show(port)}`,
      });
    }
    const others = describeHolders(holders);
    return warning(PORT, `${name} port ${port} is that of ${others}, not the server's`, {
      why: "it had the port before the server was started, which does without then",
      mend: `end that program, or choose another port with -p, and start the server again; ${
        show(port)
      }`,
    });
  }
  if (carrier === "udp" || await takesConnections(place)) {
    return ok(PORT, `The server listens on ${name} port ${port}`);
  }
  return fault(PORT, `Nobody takes connections on TCP port ${port} of this machine`, {
    why: "the server was started with another -p or --listen, or hangs",
    mend: `its log tells where it listens; ${show(port)}`,
  });
}

function show(port: number): string {
  return `"sudo ss -lnp sport = :${port}" shows who has the port`;
}

async function takesConnections({ port, listen: host }: Place): Promise<boolean> {
  const wildcard = host === undefined || host === "0.0.0.0" || host === "::";
  const [address] = await parseSocketAddress(wildcard ? "127.0.0.1" : host, port);
  using socket = ProbeSocket.tcp(address!);
  const error = await socket.connected(2_000);
  // A packet filter that drops it is told of by another check.
  return error === 0 || error === Errno.ETIMEDOUT;
}

/** A program that has a port; of another user's both are unknown to who is not root. */
interface Holder {
  name: string;
  pid: number | undefined;
}

/** Which programs have a port; undefined if that cannot be asked. */
async function portHolders(carrier: Carrier, port: number): Promise<Holder[] | undefined> {
  try {
    const flags = carrier === "tcp" ? "-Hlntp" : "-Hlnup";
    const { code, stdout } = await runCommand(["ss", flags, `sport = :${port}`], {
      timeout: 5_000,
    });
    if (code !== 0) return undefined;
    const known = [...stdout.matchAll(/\("([^"]*)",pid=(\d+)/g)];
    if (known.length > 0) return known.map(([, name, pid]) => ({ name: name!, pid: Number(pid) }));
    return stdout.trim() === "" ? [] : [{ name: "a program of another user", pid: undefined }];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function describeHolders(holders: readonly Holder[]): string {
  const names = holders.map(({ name, pid }) =>
    pid === undefined ? name : `${name} (process ${pid})`
  );
  return [...new Set(names)].join(", ");
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
