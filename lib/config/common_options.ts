/** Options that several commands have, as rows for their tables. */
import { CRYPTO_CHOICES, LOG_LEVELS } from "./choices.ts";
import type { Option } from "./command_line.ts";
import { DEFAULT_HOOK_TIMEOUT, DEFAULT_PORT } from "./defaults.ts";

/** The option that names a configuration file; the only one that is none of its keys. */
export const CONFIG = "config";

export const PORT: Option = {
  name: "port",
  short: "p",
  value: "PORT",
  help: `the server's port (default ${DEFAULT_PORT})`,
};
export const UDP: Option = {
  name: "udp",
  short: "u",
  help: "use UDP only (default both, whichever is better)",
};
export const TCP: Option = { name: "tcp", help: "use TCP only" };
export const STATE: Option = {
  name: "state",
  value: "DIR",
  help: "folder for keys and all else that must last (default /var/lib/simplevpn for root)",
};
export const JSON_OUTPUT: Option = { name: "json", help: "print JSON" };

/** Of a machine that forwards for its tunnel. */
export const GATEWAY_OPTIONS: readonly Option[] = [
  { name: "forward", help: "forward between the tunnel and this machine's other networks" },
  { name: "nat", help: "the same, with this machine's own address towards those networks" },
];

export const HOOK_OPTIONS: readonly Option[] = [
  { name: "up", value: "PROGRAM", help: "run this when the tunnel is up (docs/hooks.md)" },
  { name: "down", value: "PROGRAM", help: "run this when the tunnel ends" },
  {
    name: "hook-timeout",
    value: "SECONDS",
    help: `kill such a program after so long (default ${DEFAULT_HOOK_TIMEOUT})`,
  },
];

/** Of both programs when they run. */
export const RUN_OPTIONS: readonly Option[] = [
  {
    name: "crypto",
    value: "WHICH",
    words: CRYPTO_CHOICES,
    help: `${CRYPTO_CHOICES.join(", ")} (default auto: libcrypto where there is one)`,
  },
  { name: "tun", value: "NAME", help: "name of the TUN device (default simplevpn0, 1, ...)" },
  {
    name: "congestion",
    value: "NAME",
    help: "the kernel's congestion control, as bbr or cubic, for TCP (default the system's)",
  },
  { name: "no-offload", help: "exchange ordinary packets only with the kernel" },
  STATE,
  {
    name: "metrics",
    value: "ADDRESS:PORT",
    help: "metrics for Prometheus by HTTP there, as 127.0.0.1:9100 (default none)",
  },
  {
    name: "user",
    value: "NAME",
    help: "started by root, go on as this user, with the capabilities that a tunnel needs",
  },
  {
    name: "log-level",
    value: "LEVEL",
    words: LOG_LEVELS,
    reloads: true,
    help: `${LOG_LEVELS.join(", ")} (default info)`,
  },
  {
    name: "log-file",
    value: "FILE",
    help: "log to this file, which is rotated, and not to stderr",
  },
  { name: "json-logs", help: "log lines as JSON objects" },
  { name: CONFIG, value: "FILE", help: "read options from this file as well (TOML)" },
];

export const STATUS_OPTIONS: readonly Option[] = [
  { name: "watch", help: "go on showing it, once a second, until stopped" },
  JSON_OUTPUT,
  STATE,
];
export const STATE_OPTIONS: readonly Option[] = [STATE];
