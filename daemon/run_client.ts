import { OsError } from "../ffi/error.ts";
import { ResolveError, resolveHost } from "../ffi/resolve.ts";
import type { SocketAddress } from "../ffi/socket_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import type { Prefix } from "../lib/address/prefix.ts";
import { classicNetwork, type ClientSettings, isHostOf } from "../lib/config/settings.ts";
import type { ClientEvent } from "../lib/session/client.ts";
import type { TunDevice } from "../ffi/tun.ts";
import { Failure } from "./failure.ts";
import { findConflict, type LocalAddress, localAddresses } from "./local_networks.ts";
import { log, setUpLogging } from "./logging.ts";
import type { ClientMessage, ClientSetup, ResolvedMessage } from "./messages.ts";
import { PacketWorker } from "./packet_worker.ts";
import { removeStaleRules, SourceRouting } from "./source_routing.ts";
import { releaseStartupMemory } from "./startup_memory.ts";
import { reportCounters } from "./statistics.ts";
import { stopSignal } from "./stop_signal.ts";
import { configureTun, openTun } from "./tun_setup.ts";

/** Runs a client until a signal asks it to end. @throws {Failure} */
export async function runClient(settings: ClientSettings): Promise<void> {
  setUpLogging(settings.logLevel, settings.jsonLogs);
  const stop = stopSignal();
  const tun = await openTun(settings.tun);
  removeStaleRules();
  await new ClientControl(settings, tun).run(stop);
}

/** The main thread's part of a client: names, the interface, and words for the person. */
class ClientControl {
  readonly #settings: ClientSettings;
  readonly #tun: TunDevice;
  readonly #worker: PacketWorker<ClientSetup, ResolvedMessage, ClientMessage>;
  readonly #sourceRouting: SourceRouting;
  readonly #failed = Promise.withResolvers<never>();
  #candidates: SocketAddress[] = [];
  /** The inner address that the interface has. */
  #address: number | undefined;
  /** Why the last attempt came to nothing, so that each reason is told once. */
  #lastFailure = "";

  constructor(settings: ClientSettings, tun: TunDevice) {
    this.#settings = settings;
    this.#tun = tun;
    this.#sourceRouting = new SourceRouting(tun.name);
    this.#worker = new PacketWorker(
      new URL("./client_worker.ts", import.meta.url),
      {
        tunFd: tun.fd,
        address: settings.address,
        keepalive: settings.keepalive,
        timeout: settings.timeout,
      },
      (message) => this.#receive(message),
    );
    reportCounters(this.#worker.counters);
    releaseStartupMemory();
  }

  /** @throws {Failure} */
  async run(stop: Promise<Deno.Signal>): Promise<void> {
    const ended = this.#worker.stopped.catch((error: Error) => {
      throw new Failure(`The packet worker on ${this.#tun.name} ended: ${error.message}`);
    });
    try {
      const signal = await Promise.race([stop, ended, this.#failed.promise]);
      log.info("Stopping on {signal}", { signal });
      this.#worker.stop();
      await ended;
    } finally {
      this.#sourceRouting.clear();
    }
  }

  #receive(message: ClientMessage): void {
    if (message.type === "resolve") {
      this.#resolve();
      return;
    }
    try {
      this.#handle(message.event);
    } catch (error) {
      this.#failed.reject(error);
    }
  }

  async #resolve(): Promise<void> {
    const { host, port } = this.#settings;
    try {
      this.#candidates = await resolveHost(host, port);
      const addresses = this.#candidates.map(({ bytes }) => bytes);
      log.debug("{host} is {addresses}", { host, addresses: this.#candidates.join(", ") });
      this.#worker.post({ type: "resolved", addresses });
    } catch (error) {
      if (!(error instanceof ResolveError)) return this.#failed.reject(error);
      const { message: reason, temporary } = error;
      this.#worker.post({ type: "unresolved", reason, permanent: !temporary });
    }
  }

  #handle(event: ClientEvent): void {
    switch (event.type) {
      case "up":
        return this.#up(event.address, this.#candidates[event.candidate]!);
      case "down":
        this.#lastFailure = event.reason;
        return log.warn("Lost the connection: {reason}; connecting again", { ...event });
      case "failed":
        return this.#tellFailure(event.reason);
      case "refused":
        return this.#tellFailure(
          `the server does not give ${formatIpv4(event.address)} back yet, it may still hold it ` +
            "for the lost connection",
        );
      case "gave_up":
        throw this.#explain(event);
    }
  }

  #up(address: number, server: SocketAddress): void {
    const network = this.#settings.network ?? classicNetwork(address);
    if (address !== this.#address) this.#configure(address, network, server);
    this.#address = address;
    this.#lastFailure = "";
    log.info("Connected to {server}: this machine is {address} in {network} on {tun}", {
      server: server.toString(),
      address: formatIpv4(address),
      network: network.toString(),
      tun: this.#tun.name,
    });
  }

  #configure(address: number, network: Prefix, server: SocketAddress): void {
    if (!isHostOf(network, address)) {
      throw new Failure(
        `The server gave the address ${formatIpv4(address)}, which is no host's in ${network}: ` +
          "give its own network with --network",
      );
    }
    const others = localAddresses().filter((local) => local.interface !== this.#tun.name);
    const conflict = findConflict(network, others);
    checkLoop(network, server, others);
    configureTun(this.#tun.name, address, network, this.#settings.mtu);
    if (conflict === undefined) return this.#sourceRouting.clear();
    this.#routeBySource(address, network);
    log.warn(
      "{interface} has {local}/{length}, which overlaps {network}: what this machine sends from " +
        "{address} goes through the tunnel, anything else may go by {interface}",
      {
        interface: conflict.interface,
        local: formatIpv4(conflict.address),
        length: conflict.prefix.length,
        network: network.toString(),
        address: formatIpv4(address),
      },
    );
  }

  #routeBySource(address: number, network: Prefix): void {
    try {
      this.#sourceRouting.set(address, network);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      log.warn("Cannot route by source address: {reason}", { reason: error.reason });
    }
  }

  /** Says why an attempt failed; a server that is away for days fills no log with it. */
  #tellFailure(reason: string): void {
    const { host, port } = this.#settings;
    const values = { host, port, reason };
    const level = reason === this.#lastFailure ? "debug" : "warn";
    log[level]("No connection to {host} port {port}: {reason}; trying on", values);
    this.#lastFailure = reason;
  }

  #explain(event: ClientEvent & { type: "gave_up" }): Failure {
    const { host, address } = this.#settings;
    if (event.cause === "unresolved") {
      return new Failure(
        `Cannot find the server "${host}": ${event.reason}: check the name, and that this machine ` +
          `has a working DNS ("getent hosts ${host}")`,
      );
    }
    return new Failure(
      `The server refused the address ${
        formatIpv4(address!)
      }: it is in use by another client, or ` +
        "not in the server's network: ask for another with -a, or leave -a out to be given one",
    );
  }
}

/**
 * The tunnel's route may cover the server itself, unless that is in a network of this machine whose
 * route is older or longer and so wins.
 *
 * @throws {Failure} if the way to the server would lead through the tunnel
 */
function checkLoop(
  network: Prefix,
  server: SocketAddress,
  others: readonly LocalAddress[],
): void {
  const outer = server.ipv4;
  if (outer === undefined || !network.contains(outer)) return;
  if (others.some(({ prefix }) => prefix.length >= network.length && prefix.contains(outer))) {
    return;
  }
  throw new Failure(
    `Cannot use the network ${network}: the server ${server} lies in it, so the tunnel would have ` +
      "to go through itself: start the server with another --network",
  );
}
