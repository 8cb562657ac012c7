import type { BenchLab } from "../bench_lab.ts";
import type { LabProcess, Machine } from "../../lab.ts";
import type { Subject } from "../subject.ts";
import { configureInterface, INNER, privately, startClient } from "../tunnel.ts";

const INTERFACE = "fastd0";
const PORT = 10000;

/** What fastd's manual gives for TUN mode over IPv4 on a network with an MTU of 1500. */
const MTU = 1448;

/** One end, as it is configured. */
export interface End {
  secret: string;
  /** The other's public key. */
  peer: string;
  /** The other's outer address; undefined for the one that waits. */
  peerHost?: string;
}

/** An end's configuration file. */
export function configuration({ secret, peer, peerHost }: End): string {
  const remote = peerHost === undefined ? "" : ` remote ${peerHost}:${PORT};`;
  return [
    `mode tun;`,
    `interface "${INTERFACE}";`,
    `mtu ${MTU};`,
    `bind any:${PORT};`,
    // The method of all examples in the manual; there is no default.
    `method "salsa2012+umac";`,
    `secret "${secret}";`,
    `peer "other" { key "${peer}";${remote} }`,
    "",
  ].join("\n");
}

/** fastd in TUN mode. */
export const fastd: Subject = {
  name: "fastd",
  installation: {
    commands: ["fastd"],
    install: "apt-get install fastd",
    version: ["fastd", "--version"],
  },
  start: async (lab) => {
    const [own, other] = [await newKey(lab), await newKey(lab)];
    const server = await startEnd(lab, lab.server, INNER.server, {
      secret: own.secret,
      peer: other.public,
    });
    return await startClient(lab, INNER.server, server, () => {
      return startEnd(lab, lab.client, INNER.client, {
        secret: other.secret,
        peer: own.public,
        peerHost: lab.outer.server,
      });
    });
  },
};

async function newKey(lab: BenchLab): Promise<{ secret: string; public: string }> {
  const text = await lab.run("fastd", "--generate-key");
  const [secret, key] = [...text.matchAll(/: ([0-9a-f]{64})$/gm)].map(([, hex]) => hex);
  if (secret === undefined || key === undefined) throw new Error(`No key pair: ${text}`);
  return { secret, public: key };
}

async function startEnd(
  lab: BenchLab,
  machine: Machine,
  address: string,
  end: End,
): Promise<LabProcess> {
  const file = await Deno.makeTempFile({ dir: lab.folder });
  await Deno.writeTextFile(file, configuration(end));
  const process = machine.start(privately(["fastd", "--config", file]));
  await process.waitFor(/bound to/);
  await configureInterface(machine, process, INTERFACE, address, MTU);
  return process;
}
