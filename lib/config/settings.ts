import { isLoopback, isMulticast, parseIpv4 } from "../address/ipv4_address.ts";
import { parsePrefix, Prefix } from "../address/prefix.ts";
import {
  CLIENT_TIMEOUT,
  KEEPALIVE_INTERVAL,
  MAX_CONNECTIONS,
  SERVER_TIMEOUT,
} from "../session/limits.ts";
import { type Arguments, type Option, UsageError } from "./command_line.ts";

export const DEFAULT_PORT = 2002;
const DEFAULT_NETWORK = "10.0.0.0/16";
const DEFAULT_MTU = 1500;
/** Prefix length of a classic network, which the protocol does not tell: the C client's netmask. */
const CLASSIC_PREFIX_LENGTH = 16;
/** Least MTU of an IPv4 link (RFC 791, 3.1), and the most that a TUN device takes. */
const MTU_LEAST = 68;
const MTU_MOST = 65535;
const SECONDS_MOST = 86_400;

const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** What both programs can be told. Times are in milliseconds. */
interface CommonSettings {
  port: number;
  /** Name of the TUN device; "%d" in it stands for the lowest free number. */
  tun: string;
  mtu: number;
  timeout: number;
  logLevel: LogLevel;
  jsonLogs: boolean;
}

export interface ServerSettings extends CommonSettings {
  /** The address to listen on, as text; all of them if undefined. */
  listen: string | undefined;
  network: Prefix;
  /** Folder for what must survive a restart; the user's default if undefined. */
  state: string | undefined;
  maxClients: number;
}

export interface ClientSettings extends CommonSettings {
  host: string;
  /** The address to ask for. */
  address: number | undefined;
  /** The server's network; that of CLASSIC_PREFIX_LENGTH around the address if undefined. */
  network: Prefix | undefined;
  keepalive: number;
}

const PORT: Option = {
  name: "port",
  short: "p",
  value: "PORT",
  help: `the server's port (default ${DEFAULT_PORT})`,
};
const UDP: Option = { name: "udp", short: "u", help: "use UDP only (not available yet)" };
const CLASSIC: Option = {
  name: "classic",
  help: "the protocol of 2013: no encryption, no authentication",
};
const COMMON_OPTIONS: readonly Option[] = [
  { name: "tun", value: "NAME", help: "name of the TUN device (default simplevpn0, 1, ...)" },
  { name: "mtu", value: "BYTES", help: `MTU of the TUN device (default ${DEFAULT_MTU})` },
  { name: "log-level", value: "LEVEL", help: `${LOG_LEVELS.join(", ")} (default info)` },
  { name: "json-logs", help: "log lines as JSON objects" },
  { name: "help", short: "h", help: "show this help" },
  { name: "version", help: "show the version" },
];

export const SERVER_OPTIONS: readonly Option[] = [
  PORT,
  UDP,
  { name: "listen", value: "ADDRESS", help: "listen on this address only (default all)" },
  {
    name: "network",
    value: "CIDR",
    help: `the clients' network; the server has its first address (default ${DEFAULT_NETWORK})`,
  },
  CLASSIC,
  { name: "state", value: "DIR", help: "folder for what must survive a restart" },
  {
    name: "timeout",
    value: "SECONDS",
    help: `drop clients silent for so long (default ${SERVER_TIMEOUT / 1000})`,
  },
  { name: "max-clients", value: "N", help: `connections at the most (default ${MAX_CONNECTIONS})` },
  ...COMMON_OPTIONS,
];

export const CLIENT_OPTIONS: readonly Option[] = [
  { name: "server", short: "s", value: "HOST", help: "the server's name or address" },
  PORT,
  { name: "address", short: "a", value: "ADDRESS", help: "ask for this address (default any)" },
  {
    name: "network",
    value: "CIDR",
    help: `the server's network (default the /${CLASSIC_PREFIX_LENGTH} of the address)`,
  },
  UDP,
  CLASSIC,
  {
    name: "keepalive",
    value: "SECONDS",
    help: `ask for a sign of life after so long (default ${KEEPALIVE_INTERVAL / 1000})`,
  },
  {
    name: "timeout",
    value: "SECONDS",
    help: `connect anew after so long without one (default ${CLIENT_TIMEOUT / 1000})`,
  },
  ...COMMON_OPTIONS,
];

/** Reads and checks a server's settings. @throws {UsageError} that names the option and its value */
export function readServerSettings(args: Arguments): ServerSettings {
  checkMode(args);
  rejectOperands(args.operands);
  const network = read(args, "network", readNetwork) ?? parsePrefix(DEFAULT_NETWORK);
  return {
    ...readCommonSettings(args, SERVER_TIMEOUT),
    listen: readText(args, "listen"),
    network,
    state: readText(args, "state"),
    maxClients: read(args, "max-clients", integer(1, 65_536)) ?? MAX_CONNECTIONS,
  };
}

/** Reads and checks a client's settings. @throws {UsageError} that names the option and its value */
export function readClientSettings(args: Arguments): ClientSettings {
  checkMode(args);
  rejectOperands(args.operands);
  const host = read(args, "server", readHost);
  if (host === undefined) throw new UsageError("Which server? Name it with -s HOST");
  const address = read(args, "address", parseIpv4);
  const network = read(args, "network", readNetwork);
  if (address !== undefined && !isHostOf(network ?? classicNetwork(address), address)) {
    throw new UsageError(
      `The option --address "${readText(args, "address")}" is no host's address in ${
        network ?? classicNetwork(address)
      }`,
    );
  }
  const settings = {
    ...readCommonSettings(args, CLIENT_TIMEOUT),
    host,
    address,
    network,
    keepalive: read(args, "keepalive", readSeconds) ?? KEEPALIVE_INTERVAL,
  };
  if (settings.keepalive >= settings.timeout) {
    throw new UsageError("The option --keepalive must be less than --timeout");
  }
  return settings;
}

/** The network that a classic client takes an address to be in if it is not told. */
export function classicNetwork(address: number): Prefix {
  return new Prefix(address, CLASSIC_PREFIX_LENGTH);
}

/** Whether a host can have this address in this network. */
export function isHostOf(network: Prefix, address: number): boolean {
  return address > network.first && address < network.last;
}

function readCommonSettings(args: Arguments, timeout: number): CommonSettings {
  return {
    port: read(args, "port", integer(1, 65_535)) ?? DEFAULT_PORT,
    tun: read(args, "tun", readInterfaceName) ?? "simplevpn%d",
    mtu: read(args, "mtu", integer(MTU_LEAST, MTU_MOST)) ?? DEFAULT_MTU,
    timeout: read(args, "timeout", readSeconds) ?? timeout,
    logLevel: read(args, "log-level", readLogLevel) ?? "info",
    jsonLogs: args.options.has("json-logs"),
  };
}

function checkMode({ options }: Arguments): void {
  if (options.has("udp")) {
    throw new UsageError("UDP (-u) is not available yet: leave it out for TCP");
  }
  if (!options.has("classic")) {
    throw new UsageError(
      "The secure mode is not available yet: add --classic for the protocol of 2013, " +
        "which neither encrypts nor authenticates",
    );
  }
}

function rejectOperands(operands: readonly string[]): void {
  if (operands.length > 0) throw new UsageError(`Unexpected argument "${operands[0]}"`);
}

function readText({ options }: Arguments, name: string): string | undefined {
  const text = options.get(name);
  return text === true ? undefined : text;
}

/** Reads an option's value, if it is given; what `parse` throws becomes a usage error that names it. */
function read<T>(args: Arguments, name: string, parse: (text: string) => T): T | undefined {
  const text = readText(args, name);
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`--${name}: ${(error as Error).message}`);
  }
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new RangeError(`"${text}" is not a whole number from ${least} to ${most}`);
  };
}

/** Seconds, fractions allowed, as milliseconds. */
function readSeconds(text: string): number {
  const seconds = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : NaN;
  if (seconds > 0 && seconds <= SECONDS_MOST) return seconds * 1000;
  throw new RangeError(`"${text}" is not a number of seconds, above 0 and up to ${SECONDS_MOST}`);
}

/** A network that addresses can be given out of: unicast, and with room for a server and a client. */
function readNetwork(text: string): Prefix {
  const network = parsePrefix(text);
  if (network.length < 8 || network.length > 30) {
    throw new RangeError(`"${text}" is not a network from /8 to /30 in size`);
  }
  if (
    isMulticast(network.first) || isLoopback(network.first) || network.first >>> 24 === 0 ||
    network.first >>> 28 === 15
  ) {
    throw new RangeError(`"${text}" is not a network of ordinary addresses`);
  }
  return network;
}

/** A name or a literal address, as far as that can be told without asking. */
function readHost(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are just what must not be there
  if (/[\x00-\x20\x7f]/.test(text) || text.length > 255) {
    throw new SyntaxError("That is neither a name nor an address");
  }
  const bracketed = /^\[(.*)\]$/.exec(text);
  return bracketed?.[1] ?? text;
}

/** What the kernel takes for an interface's name (dev_valid_name() in net/core/dev.c), less "%". */
function readInterfaceName(text: string): string {
  if (!/^[A-Za-z0-9_.@-]{1,15}$/.test(text) || text === "." || text === "..") {
    throw new SyntaxError(`"${text}" is not 1 to 15 letters, digits, and any of _.@-`);
  }
  return text;
}

function readLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((level) => level === text);
  if (level !== undefined) return level;
  throw new RangeError(`"${text}" is none of ${LOG_LEVELS.join(", ")}`);
}
