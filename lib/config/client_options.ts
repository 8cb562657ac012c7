/** The options of the client's commands, as tables that command lines are read and helped by. */
import { CLASSIC_KEEPALIVE_INTERVAL, CLIENT_TIMEOUT } from "../session/limits.ts";
import type { Option } from "./command_line.ts";
import {
  GATEWAY_OPTIONS,
  HOOK_OPTIONS,
  JSON_OUTPUT,
  PORT,
  RUN_OPTIONS,
  TCP,
  UDP,
} from "./common_options.ts";
import { CLASSIC_PREFIX_LENGTH } from "./defaults.ts";

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
    reloads: true,
    help: "send everything through the tunnel, not only what the server says",
  },
  {
    name: "split",
    reloads: true,
    value: "CIDR",
    repeats: true,
    help: "send this network through the tunnel, in place of what the server says (repeatable)",
  },
  {
    name: "no-routes",
    reloads: true,
    help: "send through the tunnel only what is for its own network",
  },
  ...GATEWAY_OPTIONS,
  {
    name: "announce",
    value: "CIDR",
    repeats: true,
    help: "a network behind this machine, in use once the server allows it (repeatable)",
  },
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
  {
    name: "no-dns",
    reloads: true,
    help: "leave this machine's DNS alone, whatever the server says",
  },
  ...HOOK_OPTIONS.map((option) => ({ ...option, reloads: true as const })),
  ...RUN_OPTIONS,
];

export const CLIENT_DOCTOR_OPTIONS: readonly Option[] = [...CONNECT_OPTIONS, JSON_OUTPUT];
