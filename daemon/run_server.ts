import { AF_INET, AF_INET6 } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { raiseFileLimit } from "../ffi/file_limit.ts";
import { parseSocketAddress, ResolveError } from "../ffi/resolve.ts";
import { listenTcp } from "../ffi/socket.ts";
import { SocketAddress } from "../ffi/socket_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import { Leases } from "../lib/address/leases.ts";
import { Pool } from "../lib/address/pool.ts";
import type { Prefix } from "../lib/address/prefix.ts";
import { DEFAULT_PORT, type ServerSettings } from "../lib/config/settings.ts";
import type { ServerEvent } from "../lib/session/server.ts";
import { Failure } from "./failure.ts";
import { LeaseStore } from "./lease_store.ts";
import { findConflict, localAddresses, reachableAddresses } from "./local_networks.ts";
import { log, setUpLogging } from "./logging.ts";
import type { ServerMessage, ServerSetup } from "./messages.ts";
import { PacketWorker } from "./packet_worker.ts";
import { RateLimit } from "./rate_limit.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";
import { releaseStartupMemory } from "./startup_memory.ts";
import { reportCounters } from "./statistics.ts";
import { stopSignal } from "./stop_signal.ts";
import { configureTun, openTun } from "./tun_setup.ts";

/** Log lines about clients that may be written in an interval, whatever the clients do. */
const CLIENT_LINES = 100;
const CLIENT_LINES_INTERVAL = 10_000;

/**
 * File descriptors that a server needs besides its connections: its own, and those that are closed
 * or about to be dropped when their turn is over.
 */
const OTHER_FILES = 320;

/** What a server can listen on but no client can connect to. */
const WILDCARDS = ["0.0.0.0", "::"];

/** Runs a server until a signal asks it to end. @throws {Failure} */
export async function runServer(settings: ServerSettings): Promise<void> {
  setUpLogging(settings.logLevel, settings.jsonLogs);
  const stop = stopSignal();
  const { network } = settings;
  checkNetwork(network);
  const serverAddress = Pool.serverAddress(network);
  const store = new LeaseStore(openStateFolder(settings.state ?? defaultStateFolder()));
  const listenerFd = await listen(settings);
  const tun = await openTun(settings.tun);
  configureTun(tun.name, serverAddress, network, settings.mtu);
  const setup: ServerSetup = {
    tunFd: tun.fd,
    listenerFd,
    network: network.toString(),
    leases: store.within(new Pool(network, serverAddress, new Leases(0))),
    timeout: settings.timeout,
    maxConnections: connectionLimit(settings.maxClients),
  };
  const report = reporter(network);
  const worker = new PacketWorker<ServerSetup, never, ServerMessage>(
    new URL("./server_worker.ts", import.meta.url),
    setup,
    (message) => {
      if (message.type === "event") store.apply(message.event);
      report(message);
    },
  );
  reportCounters(worker.counters);
  releaseStartupMemory();
  announce(settings, tun.name, serverAddress);
  try {
    const signal = await Promise.race([stop, worker.stopped]);
    log.info("Stopping on {signal}", { signal });
    worker.stop();
    await worker.stopped;
  } catch (error) {
    throw new Failure(`The packet worker on ${tun.name} ended: ${(error as Error).message}`);
  } finally {
    store.close();
  }
}

function checkNetwork(network: Prefix): void {
  const conflict = findConflict(network, localAddresses());
  if (conflict === undefined) return;
  throw new Failure(
    `Cannot use the network ${network}: ${conflict.interface} has ${
      formatIpv4(conflict.address)
    }/${conflict.prefix.length}, which overlaps it: choose another, such as --network 10.86.0.0/16`,
  );
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

async function listen(settings: ServerSettings): Promise<number> {
  const { listen, port } = settings;
  const addresses = listen === undefined
    ? [SocketAddress.any(AF_INET6, port), SocketAddress.any(AF_INET, port)]
    : await literalAddress(listen, port);
  try {
    return listenTcp(addresses[0]!);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    // A kernel without IPv6: then IPv4 is all addresses that there are.
    if (error.errno === Errno.EAFNOSUPPORT && addresses[1]) return listenTcp(addresses[1]);
    throw new Failure(
      `Cannot listen on TCP port ${port}${listen ? ` of ${listen}` : ""}: ${error.reason}: ${
        adviseListen(error, port)
      }`,
    );
  }
}

async function literalAddress(text: string, port: number): Promise<SocketAddress[]> {
  try {
    return await parseSocketAddress(text, port);
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    throw new Failure(`Cannot listen on "${text}": it is no IPv4 or IPv6 address`);
  }
}

function adviseListen(error: OsError, port: number): string {
  switch (error.errno) {
    case Errno.EADDRINUSE:
      return `another program has it ("ss -ltnp sport = :${port}" tells which); end that, or choose ` +
        "another port with -p";
    case Errno.EADDRNOTAVAIL:
      return 'this machine has no such address ("ip address" lists them)';
    case Errno.EACCES:
      return "ports below 1024 need root, or choose another with -p";
    default:
      return "choose another address with --listen or another port with -p";
  }
}

function announce(settings: ServerSettings, tun: string, serverAddress: number): void {
  const { network, port, listen } = settings;
  log.warn(
    "Classic mode: nothing is encrypted, and whoever reaches port {port} can join the network",
    { port },
  );
  log.info("Serving {network} as {address} on {tun}, MTU {mtu}", {
    network: network.toString(),
    address: formatIpv4(serverAddress),
    tun,
    mtu: settings.mtu,
  });
  log.info("Listening on TCP port {port} of {where}", {
    port,
    where: listen ?? "all addresses, IPv4 and IPv6",
  });
  const own = formatIpv4(serverAddress);
  const hosts = hostsFor(listen).filter((host) => host !== own);
  const options = `${port === DEFAULT_PORT ? "" : ` -p ${port}`}${
    network.length === 16 ? "" : ` --network ${network}`
  }`;
  for (const host of hosts) {
    log.info("Clients join with: simplevpn-client --classic -s {host}{options}", { host, options });
  }
}

/** What clients can name a server by that listens there. */
function hostsFor(listen: string | undefined): string[] {
  if (listen !== undefined && !WILDCARDS.includes(listen)) return [listen];
  return reachableAddresses().filter((host) => listen !== "0.0.0.0" || !host.includes(":"));
}

/** Says what happens to clients, as many lines as are good for a log. */
function reporter(network: Prefix): (message: ServerMessage) => void {
  const limit = new RateLimit(CLIENT_LINES, CLIENT_LINES_INTERVAL);
  return (message) => {
    // Lines that nobody sees are not to take the place of others.
    if (isForDebugging(message) && !log.isEnabledFor("debug")) return;
    const allowed = limit.allows(performance.now(), (count) => {
      log.warn("{count} more lines about clients were left out", { count });
    });
    if (!allowed) return;
    if (message.type === "event") describe(message.event, network);
    else log.warn("Cannot take new connections for now: {reason}", { reason: message.reason });
  };
}

function isForDebugging(message: ServerMessage): boolean {
  return message.type === "event" && message.event.type === "stranger";
}

function describe(event: ServerEvent, network: Prefix): void {
  switch (event.type) {
    case "joined":
      return log.info("{address} joined from {source} ({grant})", {
        ...event,
        address: formatIpv4(event.address),
      });
    case "left":
      return log.info("{address} left: {reason}", {
        ...event,
        address: formatIpv4(event.address),
      });
    case "refused":
      return log.warn(
        "Refused {address} to {source}: it is in use, or not a client's in {network}",
        {
          ...event,
          address: formatIpv4(event.address),
          network: network.toString(),
        },
      );
    case "exhausted":
      return log.warn(
        "All {capacity} client addresses of {network} are in use: new clients are refused until " +
          "one leaves; a larger --network has more",
        { ...event, network: network.toString() },
      );
    case "stranger":
      return log.debug("A connection from {source} without an address ended: {reason}", {
        ...event,
      });
  }
}
