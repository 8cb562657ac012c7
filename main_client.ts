/** simplevpn-client: joins this machine to the IP network of a simplevpn-server. */
import { cleanupCommand } from "./daemon/cleanup_command.ts";
import { configCommands } from "./daemon/config_command.ts";
import { runClientDoctor } from "./daemon/doctor/client_doctor.ts";
import { KEY_COMMANDS } from "./daemon/key_commands.ts";
import { runProgram } from "./daemon/program.ts";
import { reconnect } from "./daemon/reconnect_command.ts";
import { runClient } from "./daemon/run_client.ts";
import { CLIENT_SERVICE, serviceCommands } from "./daemon/service_commands.ts";
import { selfCheck } from "./daemon/self_check.ts";
import { SettingsSource } from "./daemon/settings_source.ts";
import { statusCommand } from "./daemon/status_command.ts";
import { CLIENT_DOCTOR_OPTIONS, CONNECT_OPTIONS } from "./lib/config/client_options.ts";
import { readClientSettings } from "./lib/config/client_settings.ts";
import { STATE_OPTIONS } from "./lib/config/common_options.ts";
import { CLIENT_MANUAL } from "./lib/help/manuals.ts";

await runProgram({
  name: "simplevpn-client",
  summary: "joins this machine to the network of a simplevpn-server",
  manual: CLIENT_MANUAL,
  commands: [
    {
      name: "connect",
      usage: "[INVITE] [-s HOST] [-p PORT] [-a ADDRESS] [OPTION ...]",
      help: "stay connected until stopped (what it does when no command is named)",
      options: CONNECT_OPTIONS,
      run: (args) => runClient(new SettingsSource(CONNECT_OPTIONS, readClientSettings, args)),
    },
    statusCommand("client"),
    ...configCommands("client", CONNECT_OPTIONS, readClientSettings),
    {
      name: "doctor",
      usage: "[INVITE] [OPTION ...]",
      help: "find what keeps the tunnel from working, with the options that connect is given",
      options: CLIENT_DOCTOR_OPTIONS,
      run: runClientDoctor,
    },
    {
      name: "reconnect",
      usage: "[--state DIR]",
      help: "tell the running client to connect anew, to the first of its servers",
      options: STATE_OPTIONS,
      run: reconnect,
    },
    ...KEY_COMMANDS,
    cleanupCommand("client"),
    ...serviceCommands(CLIENT_SERVICE),
    {
      name: "self-check",
      usage: "",
      help: "test how this program talks to this machine",
      options: [],
      run: selfCheck,
    },
  ],
}, Deno.args);
