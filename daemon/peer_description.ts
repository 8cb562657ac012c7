/** Peers and invites as the commands print them. */
import { formatAddress } from "../lib/address/ip_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import {
  addressesBeside,
  ipv6Beside,
  type TunnelNetworks,
} from "../lib/address/tunnel_networks.ts";
import type { OpenInvite, Peer } from "../lib/config/registry.ts";

export function stateOf({ enabled, isolated }: Peer): string {
  return `${enabled ? "enabled" : "disabled"}${isolated ? ", isolated" : ""}`;
}

/** Somebody who has an address, or is to have one. */
type Addressed = Pick<Peer, "address">;

/** Those of both networks, if the server's networks are known. */
export function addressesOf({ address }: Addressed, networks: TunnelNetworks | undefined): string {
  if (address === undefined) return "(at first connection)";
  const addresses = networks === undefined ? [address] : addressesBeside(address, networks);
  return addresses.map(formatAddress).join(", ");
}

/** Addresses as they stand in JSON. */
function addressesJson(
  { address }: Addressed,
  networks: TunnelNetworks | undefined,
): { address: string | null; address6: string | null } {
  if (address === undefined) return { address: null, address6: null };
  const address6 = networks && ipv6Beside(address, networks);
  return { address: formatIpv4(address), address6: address6 ? formatAddress(address6) : null };
}

export function networksOf({ routes }: Pick<Peer, "routes">): string {
  return routes.length === 0 ? "-" : routes.join(", ");
}

export function peerJson(
  { address, routes, created, ...peer }: Peer,
  networks: TunnelNetworks | undefined,
): unknown {
  return {
    ...peer,
    ...addressesJson({ address }, networks),
    routes: routes.map(String),
    created: new Date(created).toISOString(),
  };
}

/** Without the token, which is secret. */
export function inviteJson(
  { name, address, routes, expires }: OpenInvite,
  networks: TunnelNetworks | undefined,
): unknown {
  return {
    name,
    ...addressesJson({ address }, networks),
    routes: routes.map(String),
    expires: new Date(expires).toISOString(),
  };
}
