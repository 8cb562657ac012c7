/** The systemd unit that a program runs under: systemd.service(5), systemd.exec(5). */
import { UsageError } from "./command_line.ts";

/** What a unit depends on. */
export interface ServiceUnit {
  /** The program's name. */
  name: string;
  /** A few words. */
  description: string;
  /** The program's path and its arguments. */
  command: readonly string[];
  /** Whether it listens on a port below 1024. */
  hasLowPort: boolean;
  /** Whether it logs to a file below SERVICE_LOGS. */
  hasLogFile: boolean;
  /** Whether it changes what is in /proc/sys. */
  writesSysctls: boolean;
  /** What makes it read its configuration file anew, if it has one. */
  reload: readonly string[] | undefined;
}

/** The user that services run as. */
export const SERVICE_USER = "simplevpn";

/** Folder of a service's state, which systemd makes below /var/lib. */
export const SERVICE_STATE = "/var/lib/simplevpn";

/** Folder of a service's log files, which systemd makes below /var/log. */
export const SERVICE_LOGS = "/var/log/simplevpn";

/** Seconds without a sign of life after which a program that hangs is started anew. */
const WATCHDOG = 30;

/** Status of a program whose command line makes no sense: to start it again would not help. */
const MISUSED = 2;

/** The text of the unit. @throws {UsageError} if an argument has control characters in it */
export function formatServiceUnit(unit: ServiceUnit): string {
  const { name, description, command, hasLowPort, hasLogFile, writesSysctls, reload } = unit;
  const capabilities = ["CAP_NET_ADMIN", ...hasLowPort ? ["CAP_NET_BIND_SERVICE"] : []].join(" ");
  const sections: Record<string, string[]> = {
    Unit: [
      `Description=${description}`,
      "Wants=network-online.target modprobe@tun.service",
      "After=network-online.target modprobe@tun.service",
      "# It is started again for ever: a box that nobody gets at must come back by itself.",
      "StartLimitIntervalSec=0",
    ],
    Service: [
      "Type=notify",
      `ExecStart=${commandLine(command)}`,
      ...reload === undefined ? [] : [`ExecReload=${commandLine(reload)}`],
      "Restart=always",
      "RestartSec=3",
      `RestartPreventExitStatus=${MISUSED}`,
      `WatchdogSec=${WATCHDOG}`,
      "TimeoutStopSec=10",
      `SyslogIdentifier=${name}`,
      "LimitNOFILE=131072",
      "# Keys would be in it.",
      "LimitCORE=0",
      "",
      `User=${SERVICE_USER}`,
      `Group=${SERVICE_USER}`,
      `AmbientCapabilities=${capabilities}`,
      `CapabilityBoundingSet=${capabilities}`,
      "NoNewPrivileges=yes",
      `StateDirectory=${lastPart(SERVICE_STATE)}`,
      "StateDirectoryMode=0700",
      ...hasLogFile ? [`LogsDirectory=${lastPart(SERVICE_LOGS)}`, "LogsDirectoryMode=0700"] : [],
      "UMask=0077",
      "",
      "DevicePolicy=closed",
      "DeviceAllow=/dev/net/tun rw",
      "ProtectSystem=strict",
      "# Beside ProtectProc=, systemd 252 leaves this out of what is read-only.",
      "ReadOnlyPaths=/run",
      "ProtectHome=yes",
      "PrivateTmp=yes",
      "ProtectProc=invisible",
      "ProtectClock=yes",
      "ProtectControlGroups=yes",
      "ProtectHostname=yes",
      "ProtectKernelLogs=yes",
      "ProtectKernelModules=yes",
      ...writesSysctls ? [] : ["ProtectKernelTunables=yes"],
      "",
      "# MemoryDenyWriteExecute is not among these: V8 makes machine code while it runs.",
      "LockPersonality=yes",
      "KeyringMode=private",
      "RemoveIPC=yes",
      "RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX",
      "RestrictNamespaces=yes",
      "RestrictRealtime=yes",
      "RestrictSUIDSGID=yes",
      "SystemCallArchitectures=native",
      "# V8 guards the machine code that it makes by memory protection keys.",
      "SystemCallFilter=@system-service @pkey",
      "SystemCallErrorNumber=EPERM",
    ],
    Install: ["WantedBy=multi-user.target"],
  };
  return Object.entries(sections).map(([section, lines]) => `[${section}]\n${lines.join("\n")}\n`)
    .join("\n");
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Words in which nothing means anything to systemd. */
const PLAIN_WORD = /^[A-Za-z0-9_./:=,@+-]+$/;

const CONTROL_CHARACTER = /\p{Cc}/u;

function commandLine(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

/** A word of a command line as systemd reads it: systemd.service(5), "Command lines". */
function quoteWord(word: string): string {
  if (CONTROL_CHARACTER.test(word)) {
    throw new UsageError("An argument with control characters in it cannot stand in a unit");
  }
  if (PLAIN_WORD.test(word)) return word;
  return `"${word.replaceAll(/[\\"]/g, "\\$&").replaceAll(/[%$]/g, "$&$&")}"`;
}
