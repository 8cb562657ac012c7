import { formatAddress } from "../lib/address/ip_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import { addressesBeside, type TunnelNetworks } from "../lib/address/tunnel_networks.ts";
import { allowCommand, type Unallowed } from "../lib/session/announcements.ts";
import type { ServerEvent } from "../lib/session/server_event.ts";
import { log } from "./logging.ts";
import type { ServerMessage } from "./messages.ts";
import { RateLimit } from "./rate_limit.ts";

/** Log lines about clients that may be written in an interval, whatever the clients do. */
const CLIENT_LINES = 100;
const CLIENT_LINES_INTERVAL = 10_000;

/** What a server's worker tells that a person may want to know. */
export type Notice =
  | Extract<ServerMessage, { type: "event" | "not_accepting" }>
  | NotAllowed;

/** A peer announces networks that it may not have. */
export interface NotAllowed extends Unallowed {
  type: "not_allowed";
}

/**
 * Says what happens to clients, as many lines as are good for a log.
 *
 * @param state the folder that commands are to be told, if it is not the default
 */
export function reporter(
  networks: TunnelNetworks,
  state: string | undefined,
): (notice: Notice) => void {
  const limit = new RateLimit(CLIENT_LINES, CLIENT_LINES_INTERVAL);
  return (notice) => {
    // Lines that nobody sees are not to take the place of others.
    if (isForDebugging(notice) && !log.isEnabledFor("debug")) return;
    const allowed = limit.allows(performance.now(), (count) => {
      log.warn("{count} more lines about clients were left out", { count });
    });
    if (!allowed) return;
    if (notice.type === "event") describe(notice.event, networks);
    else if (notice.type === "not_allowed") describeUnallowed(notice, state);
    else log.warn("Cannot take new connections for now: {reason}", { reason: notice.reason });
  };
}

function describeUnallowed({ peer, networks }: NotAllowed, state: string | undefined): void {
  const { name, routes } = peer;
  log.warn("{name} announces {networks}, which it may not have; this allows it: {command}", {
    name,
    networks: networks.join(" and "),
    command: allowCommand(name, routes, networks, state),
  });
}

function isForDebugging(notice: Notice): boolean {
  return notice.type === "event" && notice.event.type === "stranger";
}

function describe(event: ServerEvent, networks: TunnelNetworks): void {
  const { network } = networks;
  switch (event.type) {
    case "joined":
      return log.info(`${who(event)} joined from {source} ({grant})`, {
        ...event,
        address: addressesOf(event, networks),
      });
    case "left":
      return log.info(`${who(event)} left: {reason}`, {
        ...event,
        address: addressesOf(event, networks),
      });
    case "refused":
      return log.warn(
        "Refused {address} to {source}: it is in use, or not a client's in {network}",
        {
          ...event,
          address: formatIpv4(event.address),
          network: network.toString(),
        },
      );
    case "exhausted":
      return log.warn(
        "All {capacity} client addresses of {network} are in use: new clients are refused until " +
          "one leaves; a larger --network has more",
        { ...event, network: network.toString() },
      );
    case "full":
      return log.warn(
        "All {connections} connections that --max-clients allows are in use: {source} is turned away " +
          "(a client that goes over TCP and UDP has two)",
        { ...event },
      );
    case "moved":
      return log.info(`${who(event)} is sent to over {carrier} from now on: {reason}`, {
        ...event,
        carrier: event.carrier.toUpperCase(),
        address: addressesOf(event, networks),
      });
    case "overlap":
      return log.warn(
        "{name} does not get {prefix}, which another connected peer has: give each network to one " +
          "peer only",
        { ...event },
      );
    case "stranger":
      return log.debug("A connection from {source} without an address ended: {reason}", {
        ...event,
      });
  }
}

function who({ name }: { name?: string }): string {
  return name === undefined ? "{address}" : "{name} ({address})";
}

/** All addresses of a client: classic ones, which have no names, have one. */
function addressesOf(
  { name, address }: { name?: string; address: number },
  networks: TunnelNetworks,
): string {
  const addresses = name === undefined ? [address] : addressesBeside(address, networks);
  return addresses.map(formatAddress).join(" and ");
}
