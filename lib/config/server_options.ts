/** The options of the server's commands, as tables that command lines are read and helped by. */
import { KEEPALIVE_INTERVAL, MAX_CONNECTIONS, SERVER_TIMEOUT } from "../session/limits.ts";
import type { Option } from "./command_line.ts";
import {
  GATEWAY_OPTIONS,
  HOOK_OPTIONS,
  JSON_OUTPUT,
  PORT,
  RUN_OPTIONS,
  STATE,
  TCP,
  UDP,
} from "./common_options.ts";
import { DEFAULT_EXPIRY, DEFAULT_MTU, DEFAULT_NETWORK } from "./defaults.ts";

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
  ...GATEWAY_OPTIONS,
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

export const SERVER_DOCTOR_OPTIONS: readonly Option[] = [...SERVE_OPTIONS, JSON_OUTPUT];

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
