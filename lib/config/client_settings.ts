/** What a person told a client, checked as a whole. Times are in milliseconds. */
import { formatIpv4 } from "../address/ipv4_address.ts";
import type { Ipv4Prefix } from "../address/ipv4_prefix.ts";
import type { Prefix } from "../address/prefix.ts";
import { CLASSIC_KEEPALIVE_INTERVAL, CLIENT_TIMEOUT } from "../session/limits.ts";
import type { LivenessTiming } from "../session/liveness.ts";
import { type Arguments, UsageError } from "./command_line.ts";
import { type CommonSettings, readCommonSettings } from "./common_settings.ts";
import { looksLikeInvite } from "./invite.ts";
import {
  classicNetwork,
  hostIpv4,
  hostNetworkIpv4,
  isHostOf,
  readAnnounced,
  readRouteChoice,
  type RouteChoice,
} from "./networks.ts";
import { type NamedServer, readServers } from "./server_list.ts";
import { isGiven, mtu, port, read, readText } from "./values.ts";

/** Of a classic client; a secure one is told by its server. */
const CLASSIC_TIMING: LivenessTiming = {
  keepalive: CLASSIC_KEEPALIVE_INTERVAL,
  timeout: CLIENT_TIMEOUT,
};

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
  "announce",
];

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
  /** Networks behind this machine that the server is told of. */
  announce: Prefix[];
  /** Whether to use the DNS servers that the server says. */
  dns: boolean;
}

/** Reads and checks a client's settings. @throws {UsageError} that names the option and its value */
export function readClientSettings(args: Arguments): ClientSettings {
  const settings: ClientSettings = {
    ...readCommonSettings(args, CLASSIC_TIMING),
    servers: readServers(args),
    port: read(args, "port", port),
    invite: readInvite(args),
    address: read(args, "address", hostIpv4),
    network: read(args, "network", hostNetworkIpv4),
    mtu: read(args, "mtu", mtu),
    routes: readRouteChoice(args),
    announce: readAnnounced(args),
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
