import { type IpAddress, isIpv4, isOrdinary } from "../address/ip_address.ts";
import { Ipv4Prefix } from "../address/ipv4_prefix.ts";
import { type Configuration, DOMAIN_PATTERN } from "../protocol/control.ts";
import { MAX_NAMESERVERS } from "./resolv_conf.ts";

/** Most search domains that a client takes from its server. */
export const MAX_SEARCH_DOMAINS = 16;

/** What DNS a machine is to use. */
export interface DnsSettings {
  servers: readonly IpAddress[];
  /** Names are tried in these, and names in these are asked of `servers`. */
  domains: readonly string[];
  /** Whether `servers` are asked for all names, and nobody else is. */
  all: boolean;
}

/**
 * Takes from what a server told what can be DNS servers and domains. One that tells no domains means
 * its DNS servers for all names, as systemd's guide for VPNs has it (docs/RESOLVED-VPNS.md there).
 *
 * @param isFullTunnel whether the machine sends everything through the tunnel
 * @returns with what was left out, since no host can have such an address, or it is beyond the most
 */
export function readDns(
  { dns, searchDomains, address }: Pick<Configuration, "dns" | "searchDomains" | "address">,
  isFullTunnel: boolean,
): DnsSettings & { refused: IpAddress[] } {
  const network = new Ipv4Prefix(address.address, address.prefixLength);
  const able = unique(dns).filter((server) => canServe(server, network));
  const servers = able.slice(0, MAX_NAMESERVERS);
  const domains = [...new Set(searchDomains.map((domain) => domain.toLowerCase()))]
    .filter((domain) => DOMAIN_PATTERN.test(domain)).slice(0, MAX_SEARCH_DOMAINS);
  return {
    servers,
    domains,
    all: servers.length > 0 && (isFullTunnel || domains.length === 0),
    refused: unique(dns).filter((server) => !servers.includes(server)),
  };
}

/** A host's address, so none that is multicast, loopback, unspecified, or a broadcast address. */
function canServe(server: IpAddress, network: Ipv4Prefix): boolean {
  if (!isOrdinary(server)) return false;
  return !isIpv4(server) || (server !== network.first && server !== network.last);
}

function unique(addresses: readonly IpAddress[]): IpAddress[] {
  return [...new Map(addresses.map((address) => [String(address), address])).values()];
}
