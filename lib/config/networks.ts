/** Networks and addresses that programs are told of on their command lines. */
import { type IpAddress, isIpv4, isOrdinary, parseAddress } from "../address/ip_address.ts";
import { formatIpv4, parseIpv4 } from "../address/ipv4_address.ts";
import { Ipv4Prefix, parseIpv4Prefix } from "../address/ipv4_prefix.ts";
import type { Ipv6Prefix } from "../address/ipv6_prefix.ts";
import { Pool } from "../address/pool.ts";
import {
  isIpv4Prefix,
  isIpv6Prefix,
  isRoutable,
  parsePrefix,
  type Prefix,
} from "../address/prefix.ts";
import { hasRoomFor } from "../address/tunnel_networks.ts";
import { MAX_ANNOUNCED } from "../protocol/announcement.ts";
import { HOST_NETWORK_LENGTHS } from "../protocol/control.ts";
import { type Arguments, UsageError } from "./command_line.ts";
import { CLASSIC_PREFIX_LENGTH, DEFAULT_NETWORK } from "./defaults.ts";
import type { ServerSettings } from "./server_settings.ts";
import { isGiven, readAll, readTold } from "./values.ts";

/**
 * What a client sends through the tunnel besides what is for the tunnel's own networks: what the server
 * says, everything, or these networks.
 */
export type RouteChoice = "pushed" | "everything" | readonly Prefix[];

/** Options that say so, of which there may be one. */
const ROUTE_CHOICES = ["full-tunnel", "split", "no-routes"];

/** A network that addresses can be given out of: unicast, and with room for a server and a client. */
function hostNetwork(text: string): Prefix {
  const network = parsePrefix(text);
  const [least, most] = HOST_NETWORK_LENGTHS[isIpv4Prefix(network) ? "ipv4" : "ipv6"];
  if (network.length < least || network.length > most) {
    throw new RangeError(`"${text}" is not a network from /${least} to /${most} in size`);
  }
  if (!isOrdinary(network.first)) {
    throw new RangeError(`"${text}" is not a network of ordinary addresses`);
  }
  return network;
}

/** The same, of IPv4. */
export function hostNetworkIpv4(text: string): Ipv4Prefix {
  const network = hostNetwork(text);
  if (isIpv4Prefix(network)) return network;
  throw new RangeError(`"${text}" is not an IPv4 network`);
}

/** A network that packets can be routed to. */
export function routedNetwork(text: string): Prefix {
  const network = parsePrefix(text);
  if (isRoutable(network)) return network;
  throw new RangeError(`"${text}" is not a network of ordinary addresses`);
}

/** The same, for a client that chooses itself what goes through its tunnel. */
function splitNetwork(text: string): Prefix {
  if (parsePrefix(text).length > 0) return routedNetwork(text);
  throw new RangeError(`"${text}" is everything, for which there is --full-tunnel`);
}

/** An address that a host on a network can have. */
function hostAddress(text: string): IpAddress {
  return checkedHost(text, parseAddress(text));
}

/** The same, of IPv4. */
export function hostIpv4(text: string): number {
  return checkedHost(text, parseIpv4(text));
}

function checkedHost<Address extends IpAddress>(text: string, address: Address): Address {
  if (isOrdinary(address)) return address;
  throw new RangeError(`"${text}" is no host's address`);
}

/** The network that a classic client takes an address to be in if it is not told. */
export function classicNetwork(address: number): Ipv4Prefix {
  return new Ipv4Prefix(address, CLASSIC_PREFIX_LENGTH);
}

/** Whether a host can have this address in this network. */
export function isHostOf(network: Ipv4Prefix, address: number): boolean {
  return address > network.first && address < network.last;
}

/**
 * Checks the address that `--address` gives a peer.
 *
 * @param network the server's; undefined if no server has run yet
 * @throws {UsageError}
 */
export function checkPeerAddress(
  address: number | undefined,
  network: Ipv4Prefix | undefined,
): void {
  if (address === undefined || network === undefined) return;
  const what = address === Pool.serverAddress(network)
    ? "the server's own"
    : isHostOf(network, address)
    ? undefined
    : `no host's address in the server's network ${network}`;
  if (what === undefined) return;
  throw new UsageError(`The option --address "${formatIpv4(address)}" is ${what}`, ["address"]);
}

/**
 * Reads a server's own networks, each in place of the default of its version, and what it tells clients
 * of.
 *
 * @throws {UsageError}
 */
export function readNetworks(
  args: Arguments,
): Pick<ServerSettings, "network" | "network6" | "routes" | "dns"> {
  const { ipv4, ipv6 } = networksByVersion(readAll(args, "network", hostNetwork));
  const network = ipv4 ?? parseIpv4Prefix(DEFAULT_NETWORK);
  if (ipv6 !== undefined && !hasRoomFor(ipv6, network)) {
    throw new UsageError(
      `--network: ${ipv6} has less room than ${network}, and every client has an address in both`,
      ["network"],
    );
  }
  const routes = readTold(args, "route", routedNetwork);
  const dns = readTold(args, "dns", hostAddress);
  if (!isGiven(args, "no-ipv6")) return { network, network6: ipv6 ?? "random", routes, dns };
  if (ipv6 !== undefined || routes.some(isIpv6Prefix) || !dns.every(isIpv4)) {
    throw new UsageError("--no-ipv6 contradicts a --network, --route or --dns of IPv6", [
      "no-ipv6",
      "network",
      "route",
      "dns",
    ]);
  }
  return { network, network6: undefined, routes, dns };
}

/** The one network of each version among some. @throws {UsageError} if there are two of one */
function networksByVersion(
  networks: readonly Prefix[],
): { ipv4: Ipv4Prefix | undefined; ipv6: Ipv6Prefix | undefined } {
  const [ipv4, another4] = networks.filter(isIpv4Prefix);
  const [ipv6, another6] = networks.filter(isIpv6Prefix);
  if (another4 === undefined && another6 === undefined) return { ipv4, ipv6 };
  throw new UsageError(
    `--network: there are two IPv${another4 ? 4 : 6} networks, and one is all that there may be`,
    ["network"],
  );
}

/** Reads what is to go through a client's tunnel. @throws {UsageError} */
export function readRouteChoice(args: Arguments): RouteChoice {
  const [given, another] = ROUTE_CHOICES.filter((name) => isGiven(args, name));
  if (another !== undefined) {
    throw new UsageError(`The options --${given} and --${another} exclude each other`, [
      given!,
      another,
    ]);
  }
  if (given === undefined) return "pushed";
  return given === "full-tunnel" ? "everything" : readAll(args, "split", splitNetwork);
}

/** Reads the networks that a client announces, each once. @throws {UsageError} */
export function readAnnounced(args: Arguments): Prefix[] {
  const given = readAll(args, "announce", routedNetwork);
  const networks = [...new Map(given.map((network) => [`${network}`, network])).values()];
  if (networks.length <= MAX_ANNOUNCED) return networks;
  throw new UsageError(
    `--announce: there are ${networks.length}, and ${MAX_ANNOUNCED} is the most that servers take`,
    ["announce"],
  );
}
