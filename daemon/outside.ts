import { OsError } from "../ffi/error.ts";
import { interfaceName } from "../ffi/interface.ts";
import type { RouteChange } from "../ffi/network_change.ts";
import { mainRoutes } from "../ffi/network_monitor.ts";
import { wayTo } from "../ffi/rtnetlink.ts";
import type { SocketAddress } from "../ffi/socket_address.ts";
import { formatAddress, type IpAddress } from "../lib/address/ip_address.ts";
import type { Anchor, Outside } from "../lib/routing/outside.ts";
import { type LocalAddress, localAddresses } from "./local_networks.ts";
import { log } from "./logging.ts";

/** This machine without its tunnel, with all that is known of its addresses. */
export interface OutsideNow extends Outside {
  locals: readonly LocalAddress[];
}

/**
 * What this machine is without its tunnel.
 *
 * @param tun name of the tunnel's device
 * @param server the address of the tunnel's other end, if that is known
 */
export function lookOutside(tun?: string, server?: SocketAddress): OutsideNow {
  const locals = localAddresses().filter((local) => local.interface !== tun);
  const routes = routesBesides(tun);
  const networks = [...routes.map(({ network }) => network), ...locals.map(({ prefix }) => prefix)]
    .filter(({ length }) => length > 0);
  return { locals, networks, anchors: [...endsOf(server, tun), ...gatewaysOf(routes)] };
}

function routesBesides(tun: string | undefined): RouteChange[] {
  return orNothing(mainRoutes).filter((route) => isBesides(route, tun));
}

function gatewaysOf(routes: readonly RouteChange[]): Anchor[] {
  return routes.filter(({ network }) => network.length === 0)
    .flatMap(({ gateway }) => gateway ?? [])
    .map((address) => anchor("this machine's gateway", address));
}

/** The tunnel's own ends; of a way to the server that somebody has led into the tunnel only that one. */
function endsOf(server: SocketAddress | undefined, tun: string | undefined): Anchor[] {
  if (server === undefined) return [];
  const ways = orNothing(() => [wayTo(server.ip)]).filter((way) => isBesides(way, tun));
  return [
    anchor("the server", server.ip),
    ...ways.flatMap(({ source }) => source ?? [])
      .map((address) => anchor("this machine's own address", address)),
  ];
}

/** Whether something does not lead into the tunnel. */
function isBesides(
  { interfaceIndex }: { interfaceIndex?: number | undefined },
  tun: string | undefined,
): boolean {
  return tun === undefined || interfaceIndex === undefined || interfaceName(interfaceIndex) !== tun;
}

function anchor(whose: string, address: IpAddress): Anchor {
  return { address, name: `${whose} ${formatAddress(address)}` };
}

/** What the kernel says; nothing where it does not. */
function orNothing<Thing>(ask: () => Thing[]): Thing[] {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    log.debug("Cannot see this machine's routes: {reason}", { reason: error.reason });
    return [];
  }
}
