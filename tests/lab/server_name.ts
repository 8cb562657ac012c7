/** A name for the server that stands for any addresses, and ways to keep these from answering. */
import type { LabProcess } from "../../scripts/lab.ts";
import { withFile } from "./mounts.ts";
import type { ClientMachine, TunnelLab } from "./tunnel_lab.ts";

/** The server's name. */
export const NAME = "server.test";

export interface NamedClient {
  process: LabProcess;
  /** Makes the name stand for other addresses. */
  rename(addresses: readonly string[]): Promise<void>;
}

/** A classic client that looks its server's name up in a hosts file of its own. */
export function launchByName(
  lab: TunnelLab,
  client: ClientMachine,
  addresses: readonly string[],
  ...options: string[]
): Promise<NamedClient> {
  return launch(lab, client, addresses, lab.clientCommand(client, "-s", NAME, ...options));
}

/** A secure client, invited to a server that it looks up in the same way. */
export async function joinByName(
  lab: TunnelLab,
  client: ClientMachine,
  addresses: readonly string[],
  ...options: string[]
): Promise<NamedClient> {
  const invite = (await lab.invite(client, "pi")).replace(client.server, NAME);
  return launch(lab, client, addresses, lab.secureCommand(client, invite, ...options));
}

async function launch(
  lab: TunnelLab,
  client: ClientMachine,
  addresses: readonly string[],
  command: readonly string[],
): Promise<NamedClient> {
  const hosts = `${lab.lab.folder}/hosts`;
  const rename = (addresses: readonly string[]): Promise<void> =>
    Deno.writeTextFile(hosts, addresses.map((address) => `${address} ${NAME}\n`).join(""));
  await rename(addresses);
  return { process: client.machine.start(withFile("/etc/hosts", hosts, command)), rename };
}

/** Packets of one family that the server's machine loses: those that ask for a connection, or all that it answers. */
export type Loss = "requests" | "answers";

const LOSSES: Readonly<Record<Loss, readonly [hook: string, matches: readonly string[]]>> = {
  requests: ["input", ["tcp dport 2002", "udp dport 2002"]],
  // The connection is made, and all that is said over it is lost.
  answers: ["output", ["tcp sport 2002 tcp flags & (syn | psh) == psh", "udp sport 2002"]],
};

/** Makes packets vanish at the server's machine, without a word to whoever sent them. */
export async function losePackets(lab: TunnelLab, family: "ip" | "ip6", loss: Loss): Promise<void> {
  const [hook, matches] = LOSSES[loss];
  const rules = [
    `add table ${family} hole`,
    `add chain ${family} hole at { type filter hook ${hook} priority 0; }`,
    ...matches.map((match) => `add rule ${family} hole at ${match} counter drop`),
  ];
  await lab.server.run("nft", rules.join("; "));
}

/** How many packets vanished. */
export async function packetsLost(lab: TunnelLab, family: "ip" | "ip6"): Promise<number> {
  const rules = await lab.server.run("nft", "list", "table", family, "hole");
  const counts = [...rules.matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}
