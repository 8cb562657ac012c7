import type { TunDevice } from "../ffi/tun.ts";
import { formatAddress } from "../lib/address/ip_address.ts";
import { Pool } from "../lib/address/pool.ts";
import { isIpv4Prefix, type Prefix } from "../lib/address/prefix.ts";
import type { TunnelNetworks } from "../lib/address/tunnel_networks.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import { Failure } from "./failure.ts";
import { findConflict, localAddresses } from "./local_networks.ts";
import { randomNetwork } from "./random_network.ts";
import { TunIpv6 } from "./tun_ipv6.ts";
import { configureTun, openTun } from "./tun_setup.ts";

/** A server's TUN device, and the networks that it is in. */
export interface ServerTunnel {
  tun: TunDevice;
  networks: TunnelNetworks;
}

/**
 * The networks that a server is to serve.
 *
 * @param folder its state folder, which keeps the one that is made at random
 * @throws {Failure} if this machine is in one of them already
 */
export function chooseNetworks(
  { network, network6: told }: ServerSettings,
  folder: string,
): TunnelNetworks {
  const network6 = told === "random" ? randomNetwork(folder) : told;
  if (network6 !== undefined) checkNetwork(network6);
  return { network, network6 };
}

/** @throws {Failure} if this machine is in a network that overlaps this one */
export function checkNetwork(network: Prefix): void {
  const conflict = findConflict(network, localAddresses());
  if (conflict === undefined) return;
  const another = isIpv4Prefix(network) ? ", such as --network 10.86.0.0/16" : " with --network";
  throw new Failure(
    `Cannot use the network ${network}: ${conflict.interface} has ${
      formatAddress(conflict.address)
    }/${conflict.prefix.length}, which overlaps it: choose another${another}`,
  );
}

/**
 * Creates a server's TUN device, which has the first address of each network; without that of IPv6 where
 * the kernel has none.
 *
 * @throws {Failure}
 */
export async function openServerTunnel(
  settings: ServerSettings,
  { network, network6 }: TunnelNetworks,
): Promise<ServerTunnel> {
  const tun = await openTun(settings);
  configureTun(tun.name, Pool.serverAddress(network), network, settings.mtu);
  const host6 = network6 && { address: network6.host(1), network: network6 };
  const hasIpv6 = new TunIpv6(tun.name).set(host6, settings.mtu);
  return { tun, networks: { network, network6: hasIpv6 ? network6 : undefined } };
}
