/** simplevpn-client: joins this machine to the IP network of a simplevpn-server. */
import { runProgram } from "./daemon/program.ts";
import { runClient } from "./daemon/run_client.ts";
import { selfCheck } from "./daemon/self_check.ts";
import { CLIENT_OPTIONS, readClientSettings } from "./lib/config/settings.ts";

await runProgram({
  name: "simplevpn-client",
  summary: "joins this machine to the network of a simplevpn-server",
  usage: ["simplevpn-client [connect] --classic -s HOST [-p PORT] [-a ADDRESS] [OPTION ...]"],
  options: CLIENT_OPTIONS,
  commands: [
    {
      name: "connect",
      help: "stay connected until stopped (what it does when no command is named)",
      run: (args) => runClient(readClientSettings(args)),
    },
    { name: "self-check", help: "test how this program talks to this machine", run: selfCheck },
  ],
}, Deno.args);
