/** simplevpn-server: lets machines into one IP network and passes their packets. */
import { cleanupCommand } from "./daemon/cleanup_command.ts";
import { configCommands } from "./daemon/config_command.ts";
import { runServerDoctor } from "./daemon/doctor/server_doctor.ts";
import { runInvite } from "./daemon/invite_command.ts";
import { KEY_COMMANDS } from "./daemon/key_commands.ts";
import { PEERS_COMMANDS } from "./daemon/peers_commands.ts";
import { runProgram } from "./daemon/program.ts";
import { runServer } from "./daemon/run_server.ts";
import { SERVER_SERVICE, serviceCommands } from "./daemon/service_commands.ts";
import { selfCheck } from "./daemon/self_check.ts";
import { SettingsSource } from "./daemon/settings_source.ts";
import { statusCommand } from "./daemon/status_command.ts";
import {
  INVITE_OPTIONS,
  SERVE_OPTIONS,
  SERVER_DOCTOR_OPTIONS,
} from "./lib/config/server_options.ts";
import { readServerSettings } from "./lib/config/server_settings.ts";
import { SERVER_MANUAL } from "./lib/help/manuals.ts";

await runProgram({
  name: "simplevpn-server",
  summary: "joins machines into one IP network",
  manual: SERVER_MANUAL,
  commands: [
    {
      name: "serve",
      usage: "[-p PORT] [--network CIDR] [OPTION ...]",
      help: "serve clients until stopped (what it does when no command is named)",
      options: SERVE_OPTIONS,
      run: (args) => runServer(new SettingsSource(SERVE_OPTIONS, readServerSettings, args)),
    },
    {
      name: "invite",
      usage: "NAME [OPTION ...]",
      help: "print a line that lets one machine in, as NAME",
      options: INVITE_OPTIONS,
      run: runInvite,
    },
    ...PEERS_COMMANDS,
    statusCommand("server"),
    ...configCommands("server", SERVE_OPTIONS, readServerSettings),
    {
      name: "doctor",
      usage: "[OPTION ...]",
      help: "find what keeps the server from serving, with the options that serve is given",
      options: SERVER_DOCTOR_OPTIONS,
      run: runServerDoctor,
    },
    ...KEY_COMMANDS,
    ...serviceCommands(SERVER_SERVICE),
    cleanupCommand("server"),
    {
      name: "self-check",
      usage: "",
      help: "test how this program talks to this machine",
      options: [],
      run: selfCheck,
    },
  ],
}, Deno.args);
