import type { LabProcess } from "../../lab.ts";
import type { Subject } from "../subject.ts";
import { configureInterface, INNER, privately, startClient, until } from "../tunnel.ts";

const SESSION = "bench";
const INTERFACE = "tun0";
const PORT = 5000;
const MTU = 1500;

/** The configuration file of both ends. */
export function configuration(): string {
  return [
    `options { port ${PORT}; }`,
    `${SESSION} { passwd bench; type tun; device ${INTERFACE}; proto tcp; encrypt no; }`,
    "",
  ].join("\n");
}

/** vtun without encryption, over TCP. */
export const vtun: Subject = {
  name: "vtun unencrypted",
  installation: { commands: ["vtund"], install: "apt-get install vtun" },
  start: async (lab) => {
    const file = await Deno.makeTempFile({ dir: lab.folder });
    await Deno.writeTextFile(file, configuration());
    const command = privately(["vtund", "-n", "-f", file]);
    const server = lab.server.start([...command, "-s"]);
    await until(() => listens(server), server);
    const running = await startClient(lab, INNER.server, server, async () => {
      const client = lab.client.start([...command, SESSION, lab.outer.server]);
      await configureInterface(lab.server, server, INTERFACE, INNER.server, MTU);
      await configureInterface(lab.client, client, INTERFACE, INNER.client, MTU);
      return client;
    });
    return { ...running, programs: { ...running.programs!, server: onlyChild(server) } };
  },
};

/** The process that serves the session: a server makes one for each. */
function onlyChild({ pid }: LabProcess): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`));
}

/** Whether a program's machine listens on vtun's port, as proc_net(5) tells. */
function listens({ pid }: LabProcess): boolean {
  const port = PORT.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`:${port} 00000000:0000 0A `).test(
    Deno.readTextFileSync(`/proc/${pid}/net/tcp`),
  );
}
