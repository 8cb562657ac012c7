/** The options of both programs' commands, as tables that command lines are read and helped by. */
import {
  CLASSIC_KEEPALIVE_INTERVAL,
  CLIENT_TIMEOUT,
  KEEPALIVE_INTERVAL,
  MAX_CONNECTIONS,
  SERVER_TIMEOUT,
} from "../session/limits.ts";
import type { Option } from "./command_line.ts";

export const DEFAULT_PORT = 2002;
export const DEFAULT_NETWORK = "10.0.0.0/16";
export const DEFAULT_MTU = 1500;
export const DEFAULT_EXPIRY = "7d";
/** Prefix length of a classic network, which the protocol does not tell: the C client's netmask. */
export const CLASSIC_PREFIX_LENGTH = 16;

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

export const CRYPTO_CHOICES = ["auto", "libcrypto", "node"] as const;
/** What seals records: the system's libcrypto, node:crypto, or the first of them that is there. */
export type CryptoChoice = typeof CRYPTO_CHOICES[number];

/** The option that names a configuration file; the only one that is none of its keys. */
export const CONFIG = "config";

const PORT: Option = {
  name: "port",
  short: "p",
  value: "PORT",
  help: `the server's port (default ${DEFAULT_PORT})`,
};
const UDP: Option = {
  name: "udp",
  short: "u",
  help: "use UDP only (default both, whichever is better)",
};
const TCP: Option = { name: "tcp", help: "use TCP only" };
const STATE: Option = {
  name: "state",
  value: "DIR",
  help: "folder for keys and all else that must last (default /var/lib/simplevpn for root)",
};
const JSON_OUTPUT: Option = { name: "json", help: "print JSON" };
const ADDRESS: Option = {
  name: "address",
  value: "ADDRESS",
  help: "its IPv4 address (default any)",
};
const ROUTE: Option = {
  name: "route",
  value: "CIDR",
  repeats: true,
  help: "a network behind it, which it may send from (repeatable)",
};

const GATEWAY: readonly Option[] = [
  { name: "forward", help: "forward between the tunnel and this machine's other networks" },
  { name: "nat", help: "the same, with this machine's own address towards those networks" },
];

const RUN_OPTIONS: readonly Option[] = [
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

/** Seconds that a hook may take. */
export const DEFAULT_HOOK_TIMEOUT = 30;

const HOOK_OPTIONS: readonly Option[] = [
  { name: "up", value: "PROGRAM", help: "run this when the tunnel is up (docs/hooks.md)" },
  { name: "down", value: "PROGRAM", help: "run this when the tunnel ends" },
  {
    name: "hook-timeout",
    value: "SECONDS",
    help: `kill such a program after so long (default ${DEFAULT_HOOK_TIMEOUT})`,
  },
];

export const SERVE_OPTIONS: readonly Option[] = [
  PORT,
  UDP,
  TCP,
  { name: "listen", value: "ADDRESS", help: "listen on this address only (default all)" },
  {
    name: "network",
    value: "CIDR",
    repeats: true,
    help:
      `the clients' network, one of IPv4 and one of IPv6; the server has its first address (default ${DEFAULT_NETWORK}, and a random fd../64)`,
  },
  { name: "no-ipv6", help: "the tunnel carries IPv4 alone" },
  {
    name: "route",
    value: "CIDR",
    repeats: true,
    reloads: true,
    help: "a network behind the server that clients are to reach (repeatable)",
  },
  {
    name: "dns",
    value: "ADDRESS",
    repeats: true,
    reloads: true,
    help: "a DNS server for clients (repeatable)",
  },
  {
    name: "search",
    value: "DOMAIN",
    repeats: true,
    reloads: true,
    help: "a search domain (repeatable)",
  },
  ...GATEWAY,
  { name: "isolate", reloads: true, help: "clients reach the server's side only, not each other" },
  {
    name: "classic",
    help: "serve clients of the protocol of 2013 too: no encryption, no authentication",
  },
  { name: "mtu", value: "BYTES", help: `MTU of the tunnel (default ${DEFAULT_MTU})` },
  {
    name: "keepalive",
    value: "SECONDS",
    reloads: true,
    help: `ask for a sign of life after so long (default ${KEEPALIVE_INTERVAL / 1000})`,
  },
  {
    name: "timeout",
    value: "SECONDS",
    reloads: true,
    help: `drop clients silent for so long (default ${SERVER_TIMEOUT / 1000})`,
  },
  {
    name: "max-clients",
    value: "N",
    reloads: true,
    help: `connections at the most, two for a client over TCP and UDP (default ${MAX_CONNECTIONS})`,
  },
  {
    name: "on-connect",
    value: "PROGRAM",
    help: "run this for each client that connects (docs/hooks.md)",
  },
  { name: "on-disconnect", value: "PROGRAM", help: "run this for each client that leaves" },
  ...HOOK_OPTIONS,
  ...RUN_OPTIONS,
];

export const CONNECT_OPTIONS: readonly Option[] = [
  {
    name: "server",
    short: "s",
    value: "HOST",
    repeats: true,
    help:
      "the server's name or address, as HOST or HOST:PORT (repeatable: the preferred one first)",
  },
  PORT,
  {
    name: "server-key",
    value: "KEY",
    repeats: true,
    help: "the server's public key, or one for each -s in order (default from the invite)",
  },
  {
    name: "invite-file",
    value: "FILE",
    help: 'read the invite from a file, or from stdin if FILE is "-"',
  },
  {
    name: "address",
    short: "a",
    value: "ADDRESS",
    help: "ask for this IPv4 address (default any)",
  },
  UDP,
  TCP,
  {
    name: "classic",
    help: "the protocol of 2013: no encryption, no authentication",
  },
  {
    name: "network",
    value: "CIDR",
    help:
      `with --classic: the server's network (default the /${CLASSIC_PREFIX_LENGTH} of the address)`,
  },
  {
    name: "full-tunnel",
    help: "send everything through the tunnel, not only what the server says",
  },
  {
    name: "split",
    value: "CIDR",
    repeats: true,
    help: "send this network through the tunnel, in place of what the server says (repeatable)",
  },
  { name: "no-routes", help: "send through the tunnel only what is for its own network" },
  ...GATEWAY,
  { name: "mtu", value: "BYTES", help: "MTU of the TUN device (default what the server says)" },
  {
    name: "keepalive",
    value: "SECONDS",
    help: `with --classic: ask for a sign of life after so long (default ${
      CLASSIC_KEEPALIVE_INTERVAL / 1000
    })`,
  },
  {
    name: "timeout",
    value: "SECONDS",
    help: `with --classic: connect anew after so long without one (default ${
      CLIENT_TIMEOUT / 1000
    })`,
  },
  { name: "no-dns", help: "leave this machine's DNS alone, whatever the server says" },
  ...HOOK_OPTIONS,
  ...RUN_OPTIONS,
];

export const SERVER_DOCTOR_OPTIONS: readonly Option[] = [...SERVE_OPTIONS, JSON_OUTPUT];
export const CLIENT_DOCTOR_OPTIONS: readonly Option[] = [...CONNECT_OPTIONS, JSON_OUTPUT];

export const INVITE_OPTIONS: readonly Option[] = [
  ADDRESS,
  ROUTE,
  {
    name: "expires",
    value: "TIME",
    help: `how long it can be used, as 30m, 12h, 7d (default ${DEFAULT_EXPIRY})`,
  },
  {
    name: "host",
    value: "NAME",
    help: "name or address by which clients reach this server (default one of its addresses)",
  },
  { ...PORT, help: "port by which clients reach this server (default the server's)" },
  { name: "no-qr", help: "print the line alone, without the QR code" },
  { name: "revoke", help: "take NAME's open invite back" },
  STATE,
];

export const PEERS_ADD_OPTIONS: readonly Option[] = [
  ADDRESS,
  ROUTE,
  { name: "isolate", help: "it reaches the server's side only, not other peers" },
  STATE,
];

export const PEERS_SET_OPTIONS: readonly Option[] = [
  ...PEERS_ADD_OPTIONS.filter((option) => option !== STATE),
  { name: "no-routes", help: "no network is behind it any more" },
  { name: "no-isolate", help: "it reaches other peers again" },
  STATE,
];

export const PEERS_LIST_OPTIONS: readonly Option[] = [JSON_OUTPUT, STATE];
export const STATUS_OPTIONS: readonly Option[] = [
  { name: "watch", help: "go on showing it, once a second, until stopped" },
  JSON_OUTPUT,
  STATE,
];
export const STATE_OPTIONS: readonly Option[] = [STATE];

const INSTALL_ROOT: Option = {
  name: "root",
  value: "DIR",
  help: "write below DIR, for another machine, and leave this one's services alone",
};

/** Of the command itself, besides those that the service is to have. */
export const INSTALL_OPTIONS: readonly Option[] = [
  { name: "no-start", help: "do not start the service now" },
  INSTALL_ROOT,
];
export const UNINSTALL_OPTIONS: readonly Option[] = [
  { name: "purge", help: "remove keys and all other state as well, and log files" },
  INSTALL_ROOT,
];
