import { isIpv4Prefix, isPartOf, isWithin, parsePrefix, type Prefix } from "../address/prefix.ts";
import { findTaken, type Outside } from "./outside.ts";

/** Shortest prefix that another machine can have sent through the tunnel, by kind of network. */
const LEAST_LENGTHS = { ipv4: 8, ipv6: 16, uniqueLocal: 7 } as const;

/** Addresses of IPv6 for use inside of sites (RFC 4193): no part of the internet, however many. */
const UNIQUE_LOCAL = parsePrefix("fc00::/7");

/**
 * Why a machine does not send a network through the tunnel only because another machine says so, if
 * so: a server that could take a client's default route, by halves or quarters, or its own LAN, could
 * read along where nobody asked it to. Or it would take away what carries the tunnel.
 */
export function reasonAgainstRoute(route: Prefix, outside: Outside): string | undefined {
  if (route.length < leastLength(route)) {
    return "it is a large part of the internet, for which a client has --full-tunnel and --split";
  }
  // A longer route of the machine's own wins by itself.
  const taken = outside.locals.find(({ prefix }) => isPartOf(route, prefix));
  if (taken !== undefined) {
    return `${taken.interface} is in ${taken.prefix}, of which it would take addresses away`;
  }
  const anchor = findTaken(route, outside);
  return anchor && `${anchor.name} lies in it, and must stay outside of the tunnel`;
}

function leastLength(route: Prefix): number {
  if (isIpv4Prefix(route)) return LEAST_LENGTHS.ipv4;
  return LEAST_LENGTHS[isWithin(UNIQUE_LOCAL, route.first) ? "uniqueLocal" : "ipv6"];
}
