/** What a person told the programs, checked as a whole. Times are in milliseconds. */
import type { IpAddress } from "../address/ip_address.ts";
import { formatIpv4 } from "../address/ipv4_address.ts";
import { Ipv4Prefix } from "../address/ipv4_prefix.ts";
import type { Ipv6Prefix } from "../address/ipv6_prefix.ts";
import type { Prefix } from "../address/prefix.ts";
import {
  CLASSIC_KEEPALIVE_INTERVAL,
  CLIENT_TIMEOUT,
  KEEPALIVE_INTERVAL,
  MAX_CONNECTIONS,
  SERVER_TIMEOUT,
} from "../session/limits.ts";
import { TIME_LEAST } from "../protocol/control.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { LivenessTiming } from "../session/liveness.ts";
import { type Arguments, UsageError } from "./command_line.ts";
import {
  CLASSIC_PREFIX_LENGTH,
  CRYPTO_CHOICES,
  type CryptoChoice,
  DEFAULT_EXPIRY,
  DEFAULT_HOOK_TIMEOUT,
  DEFAULT_MTU,
  DEFAULT_PORT,
  LOG_LEVELS,
  type LogLevel,
} from "./options.ts";
import {
  hostIpv4,
  hostNetworkIpv4,
  readNetworks,
  readRouteChoice,
  type RouteChoice,
  routedNetwork,
} from "./networks.ts";
import { looksLikeInvite } from "./invite.ts";
import { type NamedServer, readServers } from "./server_list.ts";
import {
  absolutePath,
  congestionControl,
  domainName,
  duration,
  host,
  integer,
  interfaceName,
  isGiven,
  type MetricsEndpoint,
  metricsEndpoint,
  oneOf,
  peerName,
  read,
  readAll,
  readOperands,
  readText,
  readTold,
  seconds,
  userName,
} from "./values.ts";

/** Least MTU of an IPv4 link (RFC 791, 3.1), and the most that a TUN device takes. */
const mtu = integer(68, 65_535);
const port = integer(1, 65_535);

/** Whether a machine forwards for a tunnel: as it is, or with its own address in place of others'. */
export type GatewayMode = "forward" | "nat";
/** Programs that are run at events, as absolute paths. */
export interface HookSettings {
  up: string | undefined;
  down: string | undefined;
  /** A server's alone. */
  onConnect?: string | undefined;
  onDisconnect?: string | undefined;
  /** How long each may take. */
  timeout: number;
}

/** What both programs can be told. */
export interface CommonSettings {
  classic: boolean;
  /** What to go over, the best first. */
  carriers: readonly Carrier[];
  crypto: CryptoChoice;
  /** Name of the TUN device; "%d" in it stands for the lowest free number. */
  tun: string;
  /** Whether the TUN device is to give and take super-packets. */
  offload: boolean;
  /** What the kernel calls the congestion control of connections; the system's default if undefined. */
  congestion: string | undefined;
  timing: LivenessTiming;
  /** Not at all if undefined. */
  gateway: GatewayMode | undefined;
  hooks: HookSettings;
  /** Folder for what must survive a restart; the user's default if undefined. */
  state: string | undefined;
  /** Where to serve metrics; nowhere if undefined. */
  metrics: MetricsEndpoint | undefined;
  /** The user to go on as, if root starts it; undefined for whoever does. */
  user: string | undefined;
  logLevel: LogLevel;
  jsonLogs: boolean;
  /** What to log to in place of stderr. */
  logFile: string | undefined;
}

export interface ServerSettings extends CommonSettings {
  port: number;
  /** The address to listen on, as text; all of them if undefined. */
  listen: string | undefined;
  network: Ipv4Prefix;
  /** One that is made at random and kept if "random"; none, and no IPv6 in the tunnel, if undefined. */
  network6: Ipv6Prefix | "random" | undefined;
  maxClients: number;
  isolate: boolean;
  mtu: number;
  /** What clients are told besides their addresses. */
  routes: Prefix[];
  dns: IpAddress[];
  searchDomains: string[];
}

export interface ClientSettings extends CommonSettings {
  /** The servers that the command line names, the preferred one first. */
  servers: NamedServer[];
  /** Of those that are named without one. */
  port: number | undefined;
  /** The text of an invite, or the file that it is in ("-" for stdin). */
  invite: { text: string } | { file: string } | undefined;
  /** The address to ask for. */
  address: number | undefined;
  /** A classic server's network; that of CLASSIC_PREFIX_LENGTH around the address if undefined. */
  network: Ipv4Prefix | undefined;
  /** What the server says if undefined. */
  mtu: number | undefined;
  routes: RouteChoice;
  /** Whether to use the DNS servers that the server says. */
  dns: boolean;
}

export interface InviteSettings {
  name: string;
  address: number | undefined;
  routes: Prefix[];
  /** How long the invite can be used. */
  expires: number;
  host: string | undefined;
  port: number | undefined;
  qr: boolean;
  revoke: boolean;
  state: string | undefined;
}

/** Reads and checks a server's settings. @throws {UsageError} that names the option and its value */
export function readServerSettings(args: Arguments): ServerSettings {
  readOperands(args);
  const common = readCommonSettings(args, KEEPALIVE_INTERVAL, SERVER_TIMEOUT);
  return {
    ...common,
    hooks: {
      ...common.hooks,
      onConnect: read(args, "on-connect", absolutePath),
      onDisconnect: read(args, "on-disconnect", absolutePath),
    },
    port: read(args, "port", port) ?? DEFAULT_PORT,
    listen: readText(args, "listen"),
    ...readNetworks(args),
    maxClients: read(args, "max-clients", integer(1, 65_536)) ?? MAX_CONNECTIONS,
    isolate: isGiven(args, "isolate"),
    mtu: read(args, "mtu", mtu) ?? DEFAULT_MTU,
    searchDomains: readTold(args, "search", domainName),
  };
}

/** Options of a client that make no sense without, and with, `--classic`. */
const CLASSIC_ONLY = ["network", "keepalive", "timeout"];
const SECURE_ONLY = [
  "server-key",
  "invite-file",
  "crypto",
  "no-routes",
  "no-dns",
  "forward",
  "nat",
];

/** Reads and checks a client's settings. @throws {UsageError} that names the option and its value */
export function readClientSettings(args: Arguments): ClientSettings {
  const settings: ClientSettings = {
    ...readCommonSettings(args, CLASSIC_KEEPALIVE_INTERVAL, CLIENT_TIMEOUT),
    servers: readServers(args),
    port: read(args, "port", port),
    invite: readInvite(args),
    address: read(args, "address", hostIpv4),
    network: read(args, "network", hostNetworkIpv4),
    mtu: read(args, "mtu", mtu),
    routes: readRouteChoice(args),
    dns: !isGiven(args, "no-dns"),
  };
  const wrong = (settings.classic ? SECURE_ONLY : CLASSIC_ONLY).find((name) => isGiven(args, name));
  if (wrong !== undefined) {
    const means = settings.classic ? "nothing with --classic" : "something with --classic only";
    throw new UsageError(`The option --${wrong} means ${means}`, [wrong]);
  }
  if (settings.classic) checkClassic(settings);
  else checkSecure(settings, isGiven(args, "server-key"));
  return settings;
}

/** Reads and checks what is to be done about an invite. @throws {UsageError} */
export function readInviteSettings(args: Arguments): InviteSettings {
  const [name] = readOperands(args, "The NAME of whoever is invited");
  return {
    name: peerName(name!),
    address: read(args, "address", hostIpv4),
    routes: readAll(args, "route", routedNetwork),
    expires: read(args, "expires", duration) ?? duration(DEFAULT_EXPIRY),
    host: read(args, "host", host),
    port: read(args, "port", port),
    qr: !isGiven(args, "no-qr"),
    revoke: isGiven(args, "revoke"),
    state: readText(args, "state"),
  };
}

/** The network that a classic client takes an address to be in if it is not told. */
export function classicNetwork(address: number): Ipv4Prefix {
  return new Ipv4Prefix(address, CLASSIC_PREFIX_LENGTH);
}

/** Whether a host can have this address in this network. */
export function isHostOf(network: Ipv4Prefix, address: number): boolean {
  return address > network.first && address < network.last;
}

function readCommonSettings(
  args: Arguments,
  defaultKeepalive: number,
  defaultTimeout: number,
): CommonSettings {
  const timing = readTiming(args, defaultKeepalive, defaultTimeout);
  const classic = isGiven(args, "classic");
  return {
    classic,
    carriers: readCarriers(args, classic),
    crypto: read(args, "crypto", oneOf(CRYPTO_CHOICES)) ?? "auto",
    tun: read(args, "tun", interfaceName) ?? "simplevpn%d",
    offload: !isGiven(args, "no-offload"),
    congestion: read(args, "congestion", congestionControl),
    timing,
    gateway: readGatewayMode(args),
    hooks: {
      up: read(args, "up", absolutePath),
      down: read(args, "down", absolutePath),
      timeout: read(args, "hook-timeout", seconds) ?? 1000 * DEFAULT_HOOK_TIMEOUT,
    },
    state: readText(args, "state"),
    metrics: read(args, "metrics", metricsEndpoint),
    user: read(args, "user", userName),
    logLevel: read(args, "log-level", oneOf(LOG_LEVELS)) ?? "info",
    jsonLogs: isGiven(args, "json-logs"),
    logFile: readText(args, "log-file"),
  };
}

function readGatewayMode(args: Arguments): GatewayMode | undefined {
  if (isGiven(args, "nat")) return "nat";
  return isGiven(args, "forward") ? "forward" : undefined;
}

function readCarriers(args: Arguments, classic: boolean): Carrier[] {
  const [tcp, udp] = [isGiven(args, "tcp"), isGiven(args, "udp")];
  if (tcp && udp) {
    throw new UsageError("The options --tcp and -u exclude each other", ["tcp", "udp"]);
  }
  if (classic && udp) {
    throw new UsageError(
      "The classic protocol is one over TCP: leave out either --classic or -u",
      ["classic", "udp"],
    );
  }
  if (udp && isGiven(args, "congestion")) {
    throw new UsageError(
      "The option --congestion is for TCP: leave out either that or -u",
      ["congestion", "udp"],
    );
  }
  if (udp) return ["udp"];
  return tcp ? ["tcp"] : ["tcp", "udp"];
}

/** A short timeout alone is clear enough: signs of life are asked for well before it. */
function readTiming(
  args: Arguments,
  defaultKeepalive: number,
  defaultTimeout: number,
): LivenessTiming {
  const timeout = read(args, "timeout", seconds) ?? defaultTimeout;
  const usual = defaultKeepalive < timeout ? defaultKeepalive : Math.max(TIME_LEAST, timeout / 3);
  const keepalive = read(args, "keepalive", seconds) ?? usual;
  if (keepalive < timeout) return { keepalive, timeout };
  throw new UsageError("The option --keepalive must be less than --timeout", [
    "keepalive",
    "timeout",
  ]);
}

function readInvite(args: Arguments): ClientSettings["invite"] {
  const file = readText(args, "invite-file");
  const [text, unexpected] = args.operands;
  // The text may be a secret that is misspelled, so it is not repeated whole.
  if (text !== undefined && !looksLikeInvite(text)) {
    throw new UsageError(
      `Unexpected argument "${
        text.slice(0, 12)
      }": it begins neither a command nor an invite, and ` +
        "a server is named with -s HOST",
    );
  }
  if (unexpected !== undefined) {
    throw new UsageError(`Unexpected argument "${unexpected.slice(0, 12)}"`);
  }
  if (text !== undefined && file !== undefined) {
    throw new UsageError(
      "An invite is given twice: as an argument, and with --invite-file",
      ["invite-file"],
    );
  }
  if (file !== undefined) return { file };
  return text === undefined ? undefined : { text };
}

function checkClassic({ servers, invite, address, network }: ClientSettings): void {
  if (invite !== undefined) throw new UsageError("An invite means nothing with --classic");
  if (servers.length === 0) throw new UsageError("Which server? Name it with -s HOST", ["server"]);
  if (address === undefined) return;
  const within = network ?? classicNetwork(address);
  if (isHostOf(within, address)) return;
  throw new UsageError(
    `The option --address "${formatIpv4(address)}" is no host's address in ${within}`,
    ["address", "network"],
  );
}

function checkSecure({ servers, port, invite }: ClientSettings, hasKey: boolean): void {
  if (invite !== undefined && (servers.length > 0 || hasKey)) {
    throw new UsageError(
      "An invite says which server it is for: leave -s and --server-key out",
      ["server", "server-key", "invite-file"],
    );
  }
  if (servers.length === 0 && (hasKey || port !== undefined)) {
    throw new UsageError("Which server? Name it with -s HOST", ["server"]);
  }
}
