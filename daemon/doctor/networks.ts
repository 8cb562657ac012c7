import { formatAddress } from "../../lib/address/ip_address.ts";
import { haveOverlap, type Prefix } from "../../lib/address/prefix.ts";
import { fault, type Finding, ok, warning } from "../../lib/doctor/finding.ts";
import { findTaken, type Outside } from "../../lib/routing/outside.ts";
import { findConflict, type LocalAddress } from "../local_networks.ts";

const NETWORKS = "networks";

/** The networks that a tunnel leads to, as one end sees them. */
export interface TunnelView {
  /** The tunnel's own. */
  own: readonly Prefix[];
  /** Those behind its other end, or behind this one for a server. */
  routes: readonly Prefix[];
}

/**
 * Whether what belongs into the tunnel is anywhere else, too.
 *
 * @param locals this machine's addresses, without the tunnel's
 */
export function checkNetworks(
  { own, routes }: TunnelView,
  locals: readonly LocalAddress[],
): Finding[] {
  const findings = [
    ...own.flatMap((network) => conflictOf(network, locals, "The tunnel's network")),
    ...routes.flatMap((network) => conflictOf(network, locals, "The route")),
    ...overlaps([...own, ...routes]),
  ];
  if (findings.length > 0) return findings;
  const all = [...own, ...routes].join(", ");
  return [ok(NETWORKS, `No network of this machine overlaps the tunnel's: ${all}`)];
}

function conflictOf(network: Prefix, locals: readonly LocalAddress[], what: string): Finding[] {
  const conflict = findConflict(network, locals);
  if (conflict === undefined) return [];
  const { address, prefix } = conflict;
  const local = `${conflict.interface} (${formatAddress(address)}/${prefix.length})`;
  return [
    warning(NETWORKS, `${what} ${network} overlaps that of ${local}`, {
      why:
        `what is for ${prefix} may go by ${conflict.interface} where the tunnel is meant, or the other ` +
        "way round",
      mend: "start the server with another network, such as --network 10.86.0.0/16, or give this " +
        "machine's LAN another one",
    }),
  ];
}

/** Pairs that contain each other's addresses: the longer prefix wins, which may not be what is wanted. */
function overlaps(networks: readonly Prefix[]): Finding[] {
  return networks.flatMap((one, i) =>
    networks.slice(i + 1).filter((other) => haveOverlap(one, other)).map((other) =>
      warning(NETWORKS, `${one} and ${other} overlap, and both go through the tunnel`, {
        why: "packets go by the longer prefix",
        mend: "take one of them out of the server's --route",
      })
    )
  );
}

/** Whether the tunnel would take away what carries it. */
export function checkLoop({ own, routes }: TunnelView, outside: Outside): Finding[] {
  const why = "what carries the tunnel cannot be reached through it";
  const taken = (networks: readonly Prefix[]): string[] =>
    networks.flatMap((network) => {
      const anchor = findTaken(network, outside);
      return anchor === undefined ? [] : [`${anchor.name} lies in ${network}`];
    });
  return [
    ...taken(own).map((what) =>
      fault("loop", `The tunnel's network cannot be used here: ${what}`, {
        why,
        mend: "start the server with another --network",
      })
    ),
    ...taken(routes).map((what) =>
      warning("loop", `A route that the server offers is left out here: ${what}`, {
        why,
        mend: "take it out of the server's --route, or name a smaller part of it",
      })
    ),
  ];
}
