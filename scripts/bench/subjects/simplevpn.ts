import { program } from "../../program.ts";
import type { BenchLab } from "../bench_lab.ts";
import type { Subject } from "../subject.ts";
import { startClient } from "../tunnel.ts";

/** The first host of the default network. */
const SERVER = "10.0.0.1";

/** simplevpn as it comes: the secure protocol, over TCP or UDP as it chooses. */
export const simplevpn: Subject = subject("simplevpn", [], joinByInvite);

/** The same over one of them alone. */
export const simplevpnTcp: Subject = subject("simplevpn TCP", [], async (lab, state) => {
  return [...await joinByInvite(lab, state), "--tcp"];
});
export const simplevpnUdp: Subject = subject("simplevpn UDP", [], async (lab, state) => {
  return [...await joinByInvite(lab, state), "-u"];
});

/** simplevpn's protocol of 2013 over TCP. */
export const classic: Subject = subject("classic", ["--classic"], ({ outer }, state) => {
  return Promise.resolve(["--classic", "-s", outer.server, "--state", `${state}/client`]);
});

/** @param join gives the client's options, once the server runs, with a folder for state */
function subject(
  name: string,
  serverOptions: readonly string[],
  join: (lab: BenchLab, state: string) => Promise<string[]>,
): Subject {
  return {
    name,
    start: async (lab) => {
      const state = await Deno.makeTempDir({ dir: lab.folder });
      const server = lab.server.start([
        ...serverCommand(lab),
        ...congestionOption(lab),
        ...serverOptions,
        ...["--state", `${state}/server`],
      ]);
      await server.waitFor(/Listening on/);
      const options = await join(lab, state);
      const congestion = options.includes("-u") ? [] : congestionOption(lab);
      const command = [...program("client", lab.programs), ...congestion, ...options];
      return await startClient(lab, SERVER, server, () => lab.client.start(command));
    },
  };
}

async function joinByInvite(lab: BenchLab, state: string): Promise<string[]> {
  const invite = [...serverCommand(lab), "invite", "client", "--host", lab.outer.server];
  const line = await lab.server.run(...invite, "--state", `${state}/server`);
  return [line.trim(), "--state", `${state}/client`];
}

function serverCommand({ programs }: BenchLab): string[] {
  return program("server", programs);
}

function congestionOption({ congestion: { tunnel } }: BenchLab): string[] {
  return tunnel === undefined ? [] : ["--congestion", tunnel];
}
