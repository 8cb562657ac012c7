import { formatAddress } from "../lib/address/ip_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import { Pool } from "../lib/address/pool.ts";
import { addressesBeside } from "../lib/address/tunnel_networks.ts";
import { toBase64 } from "../lib/config/base64.ts";
import { DEFAULT_PORT } from "../lib/config/defaults.ts";
import type { Registry } from "../lib/config/registry.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import { hostsFor } from "./local_networks.ts";
import type { KeyPair } from "../lib/protocol/x25519.ts";
import { log } from "./logging.ts";
import type { RegistryStore } from "./registry_store.ts";
import type { ServerSockets } from "./server_sockets.ts";
import type { ServerTunnel } from "./server_tunnel.ts";

/** Says what a server serves, and how clients get in. */
export function announceServer(
  settings: ServerSettings,
  { tun, networks }: ServerTunnel,
  sockets: ServerSockets,
  { identity, registry }: { identity: KeyPair; registry: RegistryStore },
): void {
  const { port, listen } = settings;
  const { network, network6 } = networks;
  const serverAddress = Pool.serverAddress(network);
  log.info("Serving {network} as {address} on {tun}, MTU {mtu}", {
    network: [network, ...network6 ? [network6] : []].join(" and "),
    address: addressesBeside(serverAddress, networks).map(formatAddress).join(" and "),
    tun: tun.name,
    mtu: settings.mtu,
  });
  const { listenerFd, datagramFd } = sockets;
  const protocols = [
    ...(listenerFd === undefined ? [] : ["TCP"]),
    ...(datagramFd === undefined ? [] : ["UDP"]),
  ];
  log.info("Listening on {protocols} port {port} of {where}", {
    protocols: protocols.join(" and "),
    port,
    where: listen ?? "all addresses, IPv4 and IPv6",
  });
  if (settings.classic) announceClassic(settings, formatIpv4(serverAddress));
  announceSecure(settings, toBase64(identity.publicKey), registry.registry);
}

function announceClassic({ network, port, listen }: ServerSettings, own: string): void {
  log.warn(
    "Classic clients are served too: nothing of theirs is encrypted, and whoever reaches port {port} " +
      "can join the network",
    { port },
  );
  const hosts = hostsFor(listen).filter((host) => host !== own);
  const options = `${port === DEFAULT_PORT ? "" : ` -p ${port}`}${
    network.length === 16 ? "" : ` --network ${network}`
  }`;
  for (const host of hosts) {
    log.info("Classic clients join with: simplevpn-client --classic -s {host}{options}", {
      host,
      options,
    });
  }
}

/** Who has none yet is told how the first one does. */
function announceSecure(settings: ServerSettings, key: string, { peers, invites }: Registry): void {
  log.info("The server key is {key}", { key });
  if (peers.length > 0 || invites.some(({ state }) => state === "open")) return;
  const state = settings.state === undefined ? "" : ` --state ${settings.state}`;
  log.info(
    "Nobody can connect yet. Let a machine in with: simplevpn-server invite NAME{state}",
    { state },
  );
}
