import { program } from "../../program.ts";
import type { Subject } from "../subject.ts";

/** The first host of the default network. */
const SERVER = "10.0.0.1";

/** simplevpn's classic protocol over TCP. */
export const classic: Subject = {
  name: "classic",
  commands: [],
  start: async (lab) => {
    const { outer, folder, programs } = lab;
    const server = lab.server.start([
      ...program("server", programs),
      ...["--classic", "--state", `${folder}/state`],
    ]);
    await server.waitFor(/Listening on/);
    const begun = performance.now();
    const client = lab.client.start([
      ...program("client", programs),
      ...["--classic", "-s", outer.server],
    ]);
    await lab.untilAnswered(SERVER, client);
    return {
      address: SERVER,
      programs: { server: server.pid, client: client.pid },
      startTime: performance.now() - begun,
      stop: async () => {
        await client.stop();
        await server.stop();
      },
    };
  },
};
