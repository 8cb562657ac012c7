/** A server between its clients and other networks, for the tests of gateways. */
import type { Machine } from "../../scripts/lab.ts";
import { eventually } from "./inspection.ts";
import type { TunnelLab } from "./tunnel_lab.ts";

export const INTERNET = ["203.0.113.2", "2001:db8:ff::2"] as const;
/** The server's own addresses there. */
export const SERVER_OUTSIDE = ["203.0.113.1", "2001:db8:ff::1"] as const;
const INTERNET_NETWORKS = ["203.0.113.0/24", "2001:db8:ff::/64"];

const PORT = "7777";
const WHOAMI = new URL("whoami.py", import.meta.url).pathname;
const ADVERTISE = new URL("router_advertisement.py", import.meta.url).pathname;

/** What has servers push the way to the internet. */
export const INTERNET_ROUTES = INTERNET_NETWORKS.flatMap((network) => ["--route", network]);

/** A machine beyond another one. */
export interface Beyond {
  machine: Machine;
  /** The nearer machine's interface to it, and its own. */
  near: string;
  far: string;
}

/** Adds the internet, which knows of no networks but its own, and answers who asks it. */
export async function addInternet(lab: TunnelLab): Promise<Beyond> {
  const beyond = await addBeyond(lab, "internet", lab.server, [
    `${SERVER_OUTSIDE[0]}/24`,
    `${SERVER_OUTSIDE[1]}/64`,
  ], [`${INTERNET[0]}/24`, `${INTERNET[1]}/64`]);
  await beyond.machine.run("ip", "route", "flush", "default");
  await beyond.machine.run("ip", "-6", "route", "flush", "default");
  await serveWhoami(beyond.machine);
  return beyond;
}

/** Adds a machine whose way to everywhere is another one: n is its network's number. */
export function addNeighbour(
  lab: TunnelLab,
  name: string,
  router: Machine,
  n: number,
): Promise<Beyond> {
  const [near, far] = [1, 2].map((host) => [
    `192.168.${n}.${host}/24`,
    `2001:db8:a:${n}::${host}/64`,
  ]);
  return addBeyond(lab, name, router, near!, far!);
}

/** The networks of a neighbour, and its addresses. */
export function networksOf(n: number): [string, string] {
  return [`192.168.${n}.0/24`, `2001:db8:a:${n}::/64`];
}

export function addressesOf(n: number): [string, string] {
  return [`192.168.${n}.2`, `2001:db8:a:${n}::2`];
}

async function addBeyond(
  lab: TunnelLab,
  name: string,
  router: Machine,
  near: readonly string[],
  far: readonly string[],
): Promise<Beyond> {
  const machine = await lab.lab.machine(name);
  // A router asks for its neighbours from a link-local address.
  const cable = await lab.lab.cable(
    router,
    [...near, "fe80::1/64"],
    machine,
    [...far, "fe80::2/64"],
  );
  for (const address of near) {
    await machine.run("ip", "route", "add", "default", "via", address.split("/")[0]!);
  }
  return { machine, near: cable.one, far: cable.other };
}

export async function serveWhoami(machine: Machine): Promise<void> {
  await machine.start(["python3", WHOAMI, "serve", PORT]).waitFor(/ready/);
}

/** What a machine that is asked says it is asked from; undefined if there is no answer. */
export async function whoAmI(
  from: Machine,
  protocol: "tcp" | "udp",
  address: string,
): Promise<string | undefined> {
  const { success, stdout } = await from.try("python3", WHOAMI, "ask", protocol, address, PORT);
  return success ? stdout.trim() : undefined;
}

/** Whether an answer to a ping comes back. */
export async function reaches(from: Machine, address: string): Promise<boolean> {
  return (await from.try("ping", "-c", "1", "-W", "3", address)).success;
}

/** Sends a router advertisement to the nearer machine. */
export async function advertise({ machine, far }: Beyond): Promise<void> {
  // The kernel has a route for multicast some time after the cable is plugged in.
  const sent = await eventually(
    () => machine.try("python3", ADVERTISE, far),
    ({ success }) => success,
  );
  if (!sent.success) throw new Error(sent.stderr);
}

/** All that a gateway might change on its machine: settings of the kernel, and packet filters. */
export async function gatewayState(machine: Machine): Promise<string> {
  const settings = await machine.run(
    ...["sh", "-c", "cd /proc/sys/net && grep -rs . ipv4/conf ipv6/conf ipv4/ip_forward; true"],
  );
  const rules = await machine.run("nft", "list", "ruleset");
  return `${settings.split("\n").toSorted().join("\n")}\n${rules}`;
}
