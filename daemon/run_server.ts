import { raiseFileLimit } from "../ffi/file_limit.ts";
import { setCongestionControl } from "../ffi/socket.ts";
import type { TunDevice } from "../ffi/tun.ts";
import { formatAddress } from "../lib/address/ip_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import { Leases } from "../lib/address/leases.ts";
import { Pool } from "../lib/address/pool.ts";
import { isIpv4Prefix, type Prefix } from "../lib/address/prefix.ts";
import { addressesBeside, type TunnelNetworks } from "../lib/address/tunnel_networks.ts";
import { toBase64 } from "../lib/config/base64.ts";
import { DEFAULT_PORT } from "../lib/config/defaults.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import type { ServerTerms } from "../lib/session/server.ts";
import { selectCipherSuite } from "./cipher_suite.ts";
import { checkCongestionControl } from "./congestion_control.ts";
import { openControlSocket } from "./control_socket.ts";
import { Door } from "./door.ts";
import { dropRoot } from "./drop_root.ts";
import { Failure } from "./failure.ts";
import { Gateway } from "./gateway.ts";
import { GATEWAY_NOTES } from "./gateway_leftovers.ts";
import { loadIdentity } from "./identity.ts";
import { putBackLeftovers } from "./leftovers.ts";
import { LeaseStore } from "./lease_store.ts";
import { listen } from "./listen.ts";
import { findConflict, hostsFor, localAddresses } from "./local_networks.ts";
import { log, setLogLevel, setUpLogging } from "./logging.ts";
import type { GatekeeperMessage, ServerMessage, ServerSetup, TermsMessage } from "./messages.ts";
import { serveMetrics } from "./metrics_server.ts";
import { PacketWorker } from "./packet_worker.ts";
import { PeerRoutes } from "./peer_routes.ts";
import { holdFolder } from "./program_lock.ts";
import { randomNetwork } from "./random_network.ts";
import { RegistryStore } from "./registry_store.ts";
import { serverFacts, ServerMonitor } from "./server_monitor.ts";
import { ServiceManager } from "./sd_notify.ts";
import { writeServerNote } from "./server_note.ts";
import { checkServerHooks, ServerHooks } from "./server_hooks.ts";
import { reporter } from "./server_log.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";
import type { SettingsSource } from "./settings_source.ts";
import { releaseStartupMemory } from "./startup_memory.ts";
import { reportCounters } from "./statistics.ts";
import { stopSignal } from "./stop_signal.ts";
import { TunIpv6 } from "./tun_ipv6.ts";
import { capabilitiesOf, configureTun, openTun } from "./tun_setup.ts";

/**
 * File descriptors that a server needs besides its connections: its own, and those that are closed
 * or about to be dropped when their turn is over.
 */
const OTHER_FILES = 320;

type ServerPacketWorker = PacketWorker<
  ServerSetup,
  GatekeeperMessage | TermsMessage,
  ServerMessage
>;

/** Runs a server until a signal asks it to end. @throws {Failure} */
export async function runServer(source: SettingsSource<ServerSettings>): Promise<void> {
  const { settings } = source;
  const path = settings.state ?? defaultStateFolder(settings.user);
  await dropRoot(settings.user, path);
  setUpLogging(settings);
  const service = new ServiceManager();
  const stop = stopSignal(source.canReload ? () => source.reload() : undefined);
  const folder = openStateFolder(path);
  using _lock = holdFolder("server", folder);
  const { network } = settings;
  checkNetwork(network);
  checkCongestionControl(settings.congestion);
  checkServerHooks(settings);
  const suite = selectCipherSuite(settings.crypto);
  const gatewayNote = `${Deno.realPathSync(folder)}/${GATEWAY_NOTES.server}`;
  await putBackLeftovers("server", folder);
  const identity = loadIdentity(`${folder}/server.key`);
  const wanted6 = settings.network6 === "random" ? randomNetwork(folder) : settings.network6;
  if (wanted6 !== undefined) checkNetwork(wanted6);
  const registry = new RegistryStore(folder);
  const leases = new LeaseStore(folder);
  const sockets = await openSockets(settings);
  const tun = await openTun(settings);
  const serverAddress = Pool.serverAddress(network);
  configureTun(tun.name, serverAddress, network, settings.mtu);
  const host6 = wanted6 && { address: wanted6.host(1), network: wanted6 };
  const hasIpv6 = new TunIpv6(tun.name).set(host6, settings.mtu);
  const networks: TunnelNetworks = { network, network6: hasIpv6 ? wanted6 : undefined };
  writeServerNote(folder, settings, networks);
  const peerRoutes = new PeerRoutes(tun.name, hasIpv6);
  await using _gateway = settings.gateway && await Gateway.open({
    mode: settings.gateway,
    tun: tun.name,
    versions: hasIpv6 ? ["ipv4", "ipv6"] : ["ipv4"],
    notePath: gatewayNote,
  });

  const metrics = settings.metrics && serveMetrics(settings.metrics, () => monitor.metrics());
  const hooks = new ServerHooks(settings, networks, tun.name, () => registry.registry);
  const report = reporter(networks);
  const setup = workerSetup(settings, networks, identity.publicKey, tun, sockets, leases);
  const worker: ServerPacketWorker = new PacketWorker(
    new URL("./server_worker.ts", import.meta.url),
    setup,
    (message: ServerMessage) => {
      if ("connection" in message) return door.receive(message);
      if (message.type === "report") return monitor.answered(message.report);
      if (message.type === "event") {
        leases.apply(message.event);
        hooks.apply(message.event);
        monitor.note(message.event);
      }
      report(message);
    },
  );
  const door = new Door(
    {
      identity,
      folder,
      network,
      capabilities: capabilitiesOf(tun),
      follow: (registry) => peerRoutes.follow(registry),
    },
    registry,
    (message) => worker.post(message),
  );
  let facts = serverFacts(settings, setup, tun.name);
  const monitor = new ServerMonitor(
    () => facts,
    worker.counters,
    () => registry.registry,
    () => worker.post({ type: "report" }),
  );
  source.follow((settings) => {
    setLogLevel(settings.logLevel);
    const terms = termsOf(settings);
    worker.post({ type: "terms", terms });
    facts = serverFacts(settings, { ...setup, ...terms }, tun.name);
  });
  reportCounters(worker.counters);
  const control = openControlSocket("server", folder, {
    status: () => monitor.status(),
    reload: () => source.reload(),
  });
  releaseStartupMemory();
  announce(settings, networks, sockets, tun.name);
  log.debug("Records are sealed by {suite}", { suite: suite.name });
  announceSecure(settings, toBase64(identity.publicKey), registry);
  hooks.up();
  service.ready(`Serving ${network} on ${tun.name}`);
  using _watchdog = service.watch(() => worker.answer());
  try {
    const watching = door.watch().then(() => new Promise<never>(() => {}));
    const signal = await Promise.race([stop, worker.stopped, watching]);
    log.info("Stopping on {signal}", { signal });
    service.stopping();
    worker.stop();
    await worker.stopped;
  } catch (error) {
    throw new Failure(`The packet worker on ${tun.name} ended: ${(error as Error).message}`);
  } finally {
    control?.close();
    metrics?.close();
    leases.close();
    door.close();
    await hooks.end();
  }
}

type Sockets = Pick<ServerSetup, "listenerFd" | "datagramFd">;

/**
 * Opens the sockets that clients connect to. TCP alone will do, unless UDP was asked for: another program
 * may have that port.
 *
 * @throws {Failure}
 */
async function openSockets(
  { carriers, listen: host, port, congestion }: ServerSettings,
): Promise<Sockets> {
  const listenerFd = carriers.includes("tcp") ? await listen("TCP", host, port) : undefined;
  if (listenerFd !== undefined && congestion !== undefined) {
    setCongestionControl(listenerFd, congestion);
  }
  if (!carriers.includes("udp")) return { listenerFd, datagramFd: undefined };
  try {
    return { listenerFd, datagramFd: await listen("UDP", host, port) };
  } catch (error) {
    if (listenerFd === undefined || !(error instanceof Failure)) throw error;
    log.warn("{problem}; serving TCP alone", { problem: error.message });
    return { listenerFd, datagramFd: undefined };
  }
}

function workerSetup(
  settings: ServerSettings,
  networks: TunnelNetworks,
  publicKey: Uint8Array,
  tun: TunDevice,
  sockets: Sockets,
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
    ...termsOf(settings),
  };
}

/** What a reload can change. */
function termsOf(
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

function checkNetwork(network: Prefix): void {
  const conflict = findConflict(network, localAddresses());
  if (conflict === undefined) return;
  const another = isIpv4Prefix(network) ? ", such as --network 10.86.0.0/16" : " with --network";
  throw new Failure(
    `Cannot use the network ${network}: ${conflict.interface} has ${
      formatAddress(conflict.address)
    }/${conflict.prefix.length}, which overlaps it: choose another${another}`,
  );
}

function announce(
  settings: ServerSettings,
  networks: TunnelNetworks,
  sockets: Sockets,
  tun: string,
): void {
  const { port, listen } = settings;
  const { network, network6 } = networks;
  const serverAddress = Pool.serverAddress(network);
  log.info("Serving {network} as {address} on {tun}, MTU {mtu}", {
    network: [network, ...network6 ? [network6] : []].join(" and "),
    address: addressesBeside(serverAddress, networks).map(formatAddress).join(" and "),
    tun,
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

/** Says how clients get in; who has none yet is told how the first one does. */
function announceSecure(settings: ServerSettings, key: string, registry: RegistryStore): void {
  log.info("The server key is {key}", { key });
  const { peers, invites } = registry.registry;
  if (peers.length > 0 || invites.some(({ state }) => state === "open")) return;
  const state = settings.state === undefined ? "" : ` --state ${settings.state}`;
  log.info(
    "Nobody can connect yet. Let a machine in with: simplevpn-server invite NAME{state}",
    { state },
  );
}
