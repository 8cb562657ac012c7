import { isIpv4 } from "../address/ip_address.ts";
import type { Prefix } from "../address/prefix.ts";
import { carriedPrefixes, ipv6Beside } from "../address/tunnel_networks.ts";
import { type Configuration, MAX_LIST } from "../protocol/control.ts";
import type { Admission } from "./gatekeeper.ts";
import type { ServerOptions } from "./server_ports.ts";

/** What a server tells a secure client to use: what it tells all of them, and what is the client's own. */
export function configurationFor(admission: Admission, options: ServerOptions): Configuration {
  const { push, timing, network, network6 } = options;
  const { name, address } = admission;
  const address6 = ipv6Beside(address, options);
  return {
    ...push,
    ...timing,
    name,
    address: { address, prefixLength: network.length },
    address6: address6 && { address: address6, prefixLength: network6!.length },
    routes: routesFor(admission, options),
    dns: push.dns.filter((server) => isIpv4(server) || network6 !== undefined),
    prefixes: carriedPrefixes(admission.routes, options),
  };
}

/**
 * Networks that a client reaches by the server: those behind it, and those behind other clients, not
 * those behind itself.
 */
function routesFor({ beyond, routes: own }: Admission, options: ServerOptions): Prefix[] {
  const { push, isolate } = options;
  const all = carriedPrefixes([...push.routes, ...isolate ? [] : beyond], options);
  const unique = new Map(all.map((route) => [`${route}`, route]));
  for (const route of own) unique.delete(`${route}`);
  return [...unique.values()].slice(0, MAX_LIST);
}
