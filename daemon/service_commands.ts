/** What both programs have of commands for services, and what each of them is as one. */
import { CONNECT_OPTIONS } from "../lib/config/client_options.ts";
import { readClientSettings } from "../lib/config/client_settings.ts";
import { type Arguments, UsageError } from "../lib/config/command_line.ts";
import type { CommonSettings } from "../lib/config/common_settings.ts";
import { SERVE_OPTIONS } from "../lib/config/server_options.ts";
import { readServerSettings } from "../lib/config/server_settings.ts";
import { INSTALL_OPTIONS, UNINSTALL_OPTIONS } from "../lib/config/service_options.ts";
import { SERVICE_USER } from "../lib/config/service_unit.ts";
import { helpFiles } from "./help_files.ts";
import {
  INVITE_FILE,
  runInstall,
  type ServiceNeeds,
  type ServiceProgram,
} from "./install_command.ts";
import { readInvite } from "./join_plan.ts";
import type { Command } from "./program.ts";
import { SettingsSource } from "./settings_source.ts";
import { runUninstall } from "./uninstall_command.ts";

/** Ports below this one are not for everybody (ip_unprivileged_port_start in ip(7)). */
const UNPRIVILEGED_PORT = 1024;

/** Options that are the same for every service. */
const FIXED_OPTIONS = ["state", "user"];

export const SERVER_SERVICE: ServiceProgram = {
  name: "simplevpn-server",
  command: "serve",
  description: "simplevpn server",
  options: SERVE_OPTIONS,
  check: checkServer,
};

export const CLIENT_SERVICE: ServiceProgram = {
  name: "simplevpn-client",
  command: "connect",
  description: "simplevpn client",
  options: CONNECT_OPTIONS,
  check: checkClient,
};

/** The commands `install` and `uninstall` of a program. */
export function serviceCommands(program: ServiceProgram): Command[] {
  const { name, command, options } = program;
  const isClient = program === CLIENT_SERVICE;
  return [
    {
      name: "install",
      usage: `${isClient ? "[INVITE] " : ""}[OPTION ...]`,
      help:
        `run "${command}" with these options as a systemd service, from now on and at each boot`,
      options: [...options.filter(({ name }) => !FIXED_OPTIONS.includes(name)), ...INSTALL_OPTIONS],
      run: (args, whole) => runInstall(program, args, helpFiles(whole)),
    },
    {
      name: "uninstall",
      usage: "[OPTION ...]",
      help: "remove the service, and all that install wrote",
      options: UNINSTALL_OPTIONS,
      run: (args) => runUninstall(name, args),
    },
  ];
}

function checkServer(args: Arguments): ServiceNeeds {
  const { settings } = new SettingsSource(SERVE_OPTIONS, readServerSettings, args);
  const { port, logFile, gateway } = settings;
  checkUser(settings);
  const hasLowPort = port < UNPRIVILEGED_PORT;
  return {
    hasLowPort,
    logFile,
    writesSysctls: gateway !== undefined,
    setsDns: false,
    invite: undefined,
    needsInvite: false,
  };
}

async function checkClient(args: Arguments): Promise<ServiceNeeds> {
  const { settings } = new SettingsSource(CONNECT_OPTIONS, readClientSettings, args);
  const { classic, servers, logFile, gateway, dns } = settings;
  checkUser(settings);
  checkConfiguredInvite(args);
  return {
    hasLowPort: false,
    logFile,
    writesSysctls: gateway !== undefined,
    // A classic server tells none.
    setsDns: dns && !classic,
    invite: await readInvite(settings),
    needsInvite: servers.length === 0,
  };
}

/** A configuration file may name another user: only root could go on as that one. */
function checkUser({ user }: CommonSettings): void {
  if (user === undefined || user === SERVICE_USER) return;
  throw new UsageError(`A service runs as the user "${SERVICE_USER}", not as "${user}"`, ["user"]);
}

/** A file that a configuration file names is for the service's user to read, at each start. */
function checkConfiguredInvite({ options }: Arguments): void {
  const others = new Map([...options].filter(([name]) => name !== INVITE_FILE));
  const args = { options: others, operands: [] };
  const { invite } = new SettingsSource(CONNECT_OPTIONS, readClientSettings, args).settings;
  if (invite === undefined) return;
  throw new UsageError(
    `A service is given its invite once: take ${INVITE_FILE} out of the configuration file, and ` +
      `install with --${INVITE_FILE} FILE`,
    [INVITE_FILE],
  );
}
