import { raiseFileLimit } from "../ffi/file_limit.ts";
import { Leases } from "../lib/address/leases.ts";
import { Pool } from "../lib/address/pool.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import type { ServerTerms } from "../lib/session/server_ports.ts";
import type { LeaseStore } from "./lease_store.ts";
import { log } from "./logging.ts";
import type { ServerSetup } from "./messages.ts";
import type { ServerSockets } from "./server_sockets.ts";
import type { ServerTunnel } from "./server_tunnel.ts";
import { capabilitiesOf } from "./tun_setup.ts";

/**
 * File descriptors that a server needs besides its connections: its own, and those that are closed
 * or about to be dropped when their turn is over.
 */
const OTHER_FILES = 320;

/** What a server's packet worker starts from. */
export function serverSetup(
  settings: ServerSettings,
  publicKey: Uint8Array,
  { tun, networks }: ServerTunnel,
  sockets: ServerSockets,
  leases: LeaseStore,
): ServerSetup {
  const { classic, crypto } = settings;
  const { network } = networks;
  return {
    publicKey,
    tun,
    capabilities: capabilitiesOf(tun),
    ...sockets,
    ...networks,
    leases: leases.within(new Pool(network, Pool.serverAddress(network), new Leases(0))),
    classic,
    crypto,
    ...serverTerms(settings),
  };
}

/** What a reload can change of that. */
export function serverTerms(
  { timing, isolate, maxClients, mtu, routes, dns, searchDomains }: ServerSettings,
): ServerTerms {
  return {
    timing,
    maxConnections: connectionLimit(maxClients),
    isolate,
    push: { mtu, routes, dns, searchDomains },
  };
}

/**
 * How many connections to keep. At that limit strangers make room for others; at the limit of open
 * files, which many systems set to 1024, nobody would.
 */
function connectionLimit(wanted: number): number {
  const files = raiseFileLimit(wanted + OTHER_FILES);
  const most = Math.max(1, files - OTHER_FILES);
  if (most >= wanted) return wanted;
  log.warn(
    "No more than {most} connections at once: this process may have {files} files open " +
      '("ulimit -Hn"; LimitNOFILE= of a systemd service)',
    { most, files },
  );
  return most;
}
