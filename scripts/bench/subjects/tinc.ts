import { generateKeyPairSync } from "node:crypto";
import type { LabProcess, Machine } from "../../lab.ts";
import type { Subject } from "../subject.ts";
import { configureInterface, INNER, privately, startClient, until } from "../tunnel.ts";

const INTERFACE = "tinc0";
const MTU = 1500;

type NodeName = keyof typeof INNER;

/** A node's main configuration file. */
export function configuration(name: NodeName): string {
  const connect = name === "client" ? "ConnectTo = server\n" : "";
  return `Name = ${name}\nInterface = ${INTERFACE}\n${connect}`;
}

/** What all nodes know of a node. */
export function hostFile(name: NodeName, outer: string, publicKey: string): string {
  return `Address = ${outer}\nSubnet = ${INNER[name]}/32\n\n${publicKey}`;
}

/** tinc 1.0. */
export const tinc: Subject = {
  name: "tinc",
  installation: {
    commands: ["tincd"],
    install: "apt-get install tinc",
    version: ["tincd", "--version"],
  },
  start: async (lab) => {
    const folder = await Deno.makeTempDir({ dir: lab.folder });
    await writeFiles(folder, lab.outer);
    const server = await startNode(lab.server, folder, "server");
    let client = server;
    const running = await startClient(lab, INNER.server, server, async () => {
      return client = await startNode(lab.client, folder, "client");
    });
    for (const node of [server, client]) await until(() => knowsMtu(node), node);
    return running;
  },
};

async function writeFiles(folder: string, outer: Record<NodeName, string>): Promise<void> {
  const names: NodeName[] = ["server", "client"];
  for (const name of names) await Deno.mkdir(`${folder}/${name}/hosts`, { recursive: true });
  for (const name of names) {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "pkcs1", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    await Deno.writeTextFile(`${folder}/${name}/tinc.conf`, configuration(name));
    await Deno.writeTextFile(`${folder}/${name}/rsa_key.priv`, privateKey, { mode: 0o600 });
    const host = hostFile(name, outer[name], publicKey);
    for (const at of names) await Deno.writeTextFile(`${folder}/${at}/hosts/${name}`, host);
  }
}

async function startNode(machine: Machine, folder: string, name: NodeName): Promise<LabProcess> {
  const command = ["tincd", "--config", `${folder}/${name}`, "--no-detach"];
  const process = machine.start(privately(command));
  await process.waitFor(/Ready/);
  await configureInterface(machine, process, INTERFACE, INNER[name], MTU);
  return process;
}

/**
 * Whether a node is through with finding out what fits into a UDP packet to the other: until then it
 * sends large packets over its TCP connection. It tells in answer to a signal.
 */
function knowsMtu(node: LabProcess): boolean {
  const said = node.stderr.match(/ at 198\S+ .* pmtu (\d+) \(min \1 max \1\)/);
  if (said === null) node.kill("SIGUSR2");
  return said !== null;
}
