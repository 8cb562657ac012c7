/** simplevpn-server: gives machines addresses in one IP network and passes their packets. */
import { runProgram } from "./daemon/program.ts";
import { runServer } from "./daemon/run_server.ts";
import { selfCheck } from "./daemon/self_check.ts";
import { readServerSettings, SERVER_OPTIONS } from "./lib/config/settings.ts";

await runProgram({
  name: "simplevpn-server",
  summary: "joins machines into one IP network",
  usage: ["simplevpn-server [serve] --classic [-p PORT] [--network CIDR] [OPTION ...]"],
  options: SERVER_OPTIONS,
  commands: [
    {
      name: "serve",
      help: "serve clients until stopped (what it does when no command is named)",
      run: (args) => runServer(readServerSettings(args)),
    },
    { name: "self-check", help: "test how this program talks to this machine", run: selfCheck },
  ],
}, Deno.args);
