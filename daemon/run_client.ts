import type { SocketAddress } from "../ffi/socket_address.ts";
import { ResolveError } from "../ffi/resolve.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import type { TunDevice } from "../ffi/tun.ts";
import { formatAddress } from "../lib/address/ip_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import { Ipv4Prefix } from "../lib/address/ipv4_prefix.ts";
import { Ipv6Prefix } from "../lib/address/ipv6_prefix.ts";
import type { ClientSettings } from "../lib/config/client_settings.ts";
import { DEFAULT_PORT } from "../lib/config/defaults.ts";
import type { ServerReference } from "../lib/config/invite.ts";
import { classicNetwork } from "../lib/config/networks.ts";
import type { Configuration } from "../lib/protocol/control.ts";
import type { Carrier } from "../lib/protocol/hello.ts";
import { HandshakeError } from "../lib/protocol/noise.ts";
import type { ClientEvent } from "../lib/session/client_event.ts";
import { inTurn } from "../lib/session/candidates.ts";
import { Introduction } from "../lib/session/introduction.ts";
import type { ChangeCause } from "../lib/session/link.ts";
import type { ClientFacts } from "../lib/status/client_status.ts";
import { selectCipherSuite } from "./cipher_suite.ts";
import { ClientInterface, type InterfaceSettings } from "./client_interface.ts";
import { clientFacts, ClientMonitor } from "./client_monitor.ts";
import { ClientState } from "./client_state.ts";
import { ClientSurroundings, type Reached } from "./client_surroundings.ts";
import { checkCongestionControl } from "./congestion_control.ts";
import { controlFolder } from "./control_folder.ts";
import { openControlSocket } from "./control_socket.ts";
import { DoctorHint } from "./doctor_hint.ts";
import { dropRoot } from "./drop_root.ts";
import { Failure } from "./failure.ts";
import { Gateway } from "./gateway.ts";
import { GATEWAY_NOTES } from "./gateway_leftovers.ts";
import { randomKey } from "./identity.ts";
import { type JoinPlan, planJoin } from "./join_plan.ts";
import { putBackLeftovers } from "./leftovers.ts";
import { log, setLogLevel, setUpLogging } from "./logging.ts";
import {
  type ClientAnswer,
  type ClientMessage,
  type ClientSetup,
  revivePrefixes,
} from "./messages.ts";
import { serveMetrics } from "./metrics_server.ts";
import { PacketWorker } from "./packet_worker.ts";
import { removeStaleRules } from "./routing_rules.ts";
import { ServiceManager } from "./sd_notify.ts";
import { ServerAddresses } from "./server_addresses.ts";
import type { SettingsSource } from "./settings_source.ts";
import { releaseStartupMemory } from "./startup_memory.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";
import { reportCounters } from "./statistics.ts";
import { stopSignal } from "./stop_signal.ts";
import type { Ipv6Host } from "./tun_ipv6.ts";
import { capabilitiesOf, openTun } from "./tun_setup.ts";

/** Runs a client until a signal asks it to end. @throws {Failure} */
export async function runClient(source: SettingsSource<ClientSettings>): Promise<void> {
  const { settings } = source;
  const path = settings.state ?? defaultStateFolder(settings.user);
  await dropRoot(settings.user, settings.classic ? undefined : path);
  setUpLogging(settings);
  const stop = stopSignal(source.canReload ? () => source.reload() : undefined);
  source.follow(({ logLevel }) => setLogLevel(logLevel));
  checkCongestionControl(settings.congestion);
  if (settings.classic) {
    const servers = settings.servers.map(({ host, port = settings.port ?? DEFAULT_PORT }) => ({
      host,
      port,
    }));
    return await connect(source, servers, undefined, stop);
  }
  const suite = selectCipherSuite(settings.crypto);
  const folder = openStateFolder(path);
  using state = new ClientState(folder);
  const gatewayNote = `${Deno.realPathSync(folder)}/${GATEWAY_NOTES.client}`;
  await putBackLeftovers("client", folder);
  const plan = await planJoin(settings, state);
  log.debug("Records are sealed by {suite}", { suite: suite.name });
  await connect(source, plan.servers, { state, plan, folder, gatewayNote }, stop);
}

/** What happens to one of two paths. */
type PathEvent = Extract<ClientEvent, { type: "path_up" | "path_down" | "path_failed" | "moved" }>;

/** What to say when the configuration changed. */
const CHANGES: Readonly<Record<ChangeCause, string>> = {
  server: "The server changed this machine's settings",
  path: "The path to the server takes packets of other lengths than it did: the MTU is {mtu} now",
};

/** What only a secure client has. */
interface Membership {
  state: ClientState;
  plan: JoinPlan;
  /** The file that says what was changed for --forward. */
  gatewayNote: string;
  /** Where the state is kept. */
  folder: string;
}

/** Where a server is. */
type ServerPlace = Pick<ServerReference, "host" | "port">;

async function connect(
  source: SettingsSource<ClientSettings>,
  servers: readonly ServerPlace[],
  membership: Membership | undefined,
  stop: Promise<Deno.Signal>,
): Promise<void> {
  const { settings } = source;
  const tun = await openTun(settings);
  removeStaleRules();
  await using _gateway = settings.gateway && await Gateway.open({
    mode: settings.gateway,
    tun: tun.name,
    versions: ["ipv4", "ipv6"],
    notePath: membership!.gatewayNote,
  });
  const folder = await controlFolder(settings);
  const metrics = settings.metrics && serveMetrics(settings.metrics, () => monitor.metrics());
  const client = new ClientControl(settings, servers, membership, tun);
  const { monitor } = client;
  const control = folder === undefined ? undefined : openControlSocket("client", folder, {
    status: () => monitor.status(),
    reload: () => source.reload(),
    reconnect: () => client.reconnect(),
  });
  try {
    await client.run(stop);
  } finally {
    control?.close();
    metrics?.close();
  }
}

/** The main thread's part of a client: names, handshakes, the interface, and words for the person. */
class ClientControl {
  readonly #settings: ClientSettings;
  /** The preferred one first. */
  readonly #servers: readonly ServerPlace[];
  readonly #membership: Membership | undefined;
  readonly #introduction: Introduction | undefined;
  readonly #tun: TunDevice;
  readonly #interface: ClientInterface;
  readonly #surroundings: ClientSurroundings;
  readonly #worker: PacketWorker<ClientSetup, ClientAnswer, ClientMessage>;
  readonly #service = new ServiceManager();
  readonly #failed = Promise.withResolvers<never>();
  readonly #hint = new DoctorHint();
  /** Of each server. */
  readonly #addresses: readonly ServerAddresses[];
  #candidates: SocketAddress[] = [];
  /** Number of the latest question for addresses. */
  #question = 0;
  /** The address by which the client was connected to each server last. */
  readonly #lastAddresses = new Map<number, SocketAddress>();
  /** The place of the server that the client is, or was last, connected to. */
  #server = 0;
  /** The inner address that this machine had last. */
  #lastAddress: number | undefined;
  /** Why the last attempt at each server came to nothing, so that each reason is told once. */
  readonly #failures = new Map<number, string>();
  /** Knows how the client fares, for whoever asks. */
  readonly monitor: ClientMonitor;
  /** Why the path that is missing could not be had, so that each reason is told once. */
  readonly #pathFailures = new Map<Carrier, string>();

  constructor(
    settings: ClientSettings,
    servers: readonly ServerPlace[],
    membership: Membership | undefined,
    tun: TunDevice,
  ) {
    this.#settings = settings;
    this.#servers = servers;
    this.#membership = membership;
    this.#introduction = membership && introduce(membership, settings, capabilitiesOf(tun));
    this.#tun = tun;
    this.#interface = new ClientInterface(tun.name, settings.routes);
    const folder = settings.dns ? membership?.folder : undefined;
    this.#surroundings = new ClientSurroundings(tun.name, settings.hooks, folder);
    this.#addresses = servers.map(({ host, port }) => new ServerAddresses(host, port));
    const { classic, address, mtu, timing, crypto, congestion } = settings;
    const capabilities = capabilitiesOf(tun);
    const carriers: readonly Carrier[] = classic ? ["tcp"] : settings.carriers;
    this.#worker = new PacketWorker(
      new URL("./client_worker.ts", import.meta.url),
      {
        tun,
        tunIndex: new NetworkInterface(tun.name).index,
        capabilities,
        classic,
        servers: servers.length,
        carriers,
        address,
        mtu,
        timing,
        crypto,
        congestion,
      },
      (message) => this.#receive(message),
    );
    this.monitor = new ClientMonitor(
      this.#facts(0),
      this.#worker.counters,
      () => this.#worker.post({ type: "report" }),
    );
    reportCounters(this.#worker.counters, () => this.monitor.way);
    releaseStartupMemory();
  }

  /** @throws {Failure} */
  async run(stop: Promise<Deno.Signal>): Promise<void> {
    const ended = this.#worker.stopped.catch((error: Error) => {
      throw new Failure(`The packet worker on ${this.#tun.name} ended: ${error.message}`);
    });
    // Not only once it is connected: a server that is away must keep no machine from booting.
    this.#service.ready(`Connecting to ${this.#servers[0]!.host}`);
    using _watchdog = this.#service.watch(() => this.#worker.answer());
    try {
      const signal = await Promise.race([stop, ended, this.#failed.promise]);
      log.info("Stopping on {signal}", { signal });
      this.#service.stopping();
      await this.#surroundings.end();
      this.#worker.stop();
      await ended;
    } finally {
      this.#hint.cancel();
      await this.#surroundings.end();
      this.#interface.clear();
    }
  }

  /** Somebody tells the client to go back to the first of its servers. */
  reconnect(): void {
    log.info("Connecting anew, as a command says");
    this.#worker.post({ type: "reconnect" });
  }

  /** What there is to tell of the client while it is with this server. */
  #facts(server: number): ClientFacts {
    const key = this.#membership?.plan.servers[server]?.publicKey;
    return clientFacts(this.#settings, this.#servers[server]!, key, this.#tun.name);
  }

  #receive(message: ClientMessage): void {
    try {
      this.#handle(message);
    } catch (error) {
      this.#failed.reject(error);
    }
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case "resolve":
        this.#resolve(message.question, message.server);
        return;
      case "requestHello":
        return this.#worker.post({
          type: "hello",
          link: message.link,
          bytes: this.#introduction!.hello(
            message.link,
            message.server,
            message.session,
            message.index,
          ),
        });
      case "requestRekey":
        return this.#worker.post({
          type: "rekeyInitiation",
          link: message.link,
          message: this.#introduction!.rekey(message.link),
        });
      case "complete":
        return this.#complete(message.link, message.message);
      case "forget":
        return this.#introduction!.forget(message.link);
      case "woke":
        return log.info("Awake after {seconds} s of sleep: looking after the connection", {
          seconds: Math.round(message.slept / 1000),
        });
      case "network_changed":
        return log.debug("This machine's network changed: looking after the connection");
      case "not_watching":
        return log.warn(
          "Cannot watch this machine's network: {reason}; that it changed shows by timeouts alone",
          { reason: message.reason },
        );
      case "event":
        return this.#tell(message.event);
      case "report":
        return this.monitor.answered(message.report);
    }
  }

  async #resolve(question: number, server: number): Promise<void> {
    const { host } = this.#servers[server]!;
    this.#question = question;
    try {
      const found = await this.#addresses[server]!.find();
      // There is another question by now, whose answer the worker waits for.
      if (question !== this.#question) return;
      this.#candidates = inTurn(found, this.#lastAddresses.get(server)?.toString());
      const addresses = this.#candidates.map(({ bytes }) => bytes);
      log.debug("{host} is {addresses}", { host, addresses: this.#candidates.join(", ") });
      this.#interface.expect(this.#candidates);
      this.#worker.post({ type: "resolved", question, addresses });
    } catch (error) {
      if (!(error instanceof ResolveError)) return this.#failed.reject(error);
      const { message: reason, temporary } = error;
      this.#worker.post({ type: "unresolved", question, reason, permanent: !temporary });
    }
  }

  #complete(link: number, message: Uint8Array): void {
    try {
      const { handshake, capabilities } = this.#introduction!.complete(link, message);
      this.#worker.post({ type: "established", link, handshake, capabilities });
      // The message is a copy; these keys are not needed here any more.
      handshake.sendKey.fill(0);
      handshake.receiveKey.fill(0);
    } catch (error) {
      if (!(error instanceof HandshakeError || error instanceof SyntaxError)) throw error;
      this.#worker.post({ type: "refuted", link });
    }
  }

  #tell(event: ClientEvent): void {
    switch (event.type) {
      case "up":
        return this.#up(event);
      case "changed":
        this.#configure(event.configuration.address.address, event.configuration, event.mtu);
        return log.info(CHANGES[event.cause], { mtu: event.mtu });
      case "down":
        this.#failures.set(this.#server, event.reason);
        this.monitor.down(event.reason);
        this.#service.status(this.monitor.way);
        return log.warn("Lost the connection: {reason}; connecting again", { ...event });
      case "passed_over":
        return this.#tellFailure(event.server, event.reason, event.next);
      case "failed":
        return this.#tellFailure(event.server, event.reason);
      case "refused":
        return this.#tellFailure(
          event.server,
          `the server does not give ${formatIpv4(event.address)} back yet, it may still hold it ` +
            "for the lost connection",
        );
      case "gave_up":
        throw this.#explain(event);
      default:
        return this.#tellPath(event);
    }
  }

  #tellPath(event: PathEvent): void {
    const values = { ...event, carrier: event.carrier.toUpperCase() };
    switch (event.type) {
      case "path_up":
        this.#pathFailures.delete(event.carrier);
        return log.info("The server is reached over {carrier} as well", values);
      case "path_down":
        return log.warn("Lost the connection over {carrier}: {reason}; trying on", values);
      case "path_failed": {
        const isKnown = this.#pathFailures.get(event.carrier) === event.reason;
        this.#pathFailures.set(event.carrier, event.reason);
        return log[isKnown ? "debug" : "info"](
          "The server is not reached over {carrier} as well: {reason}; trying on, packets go by {other}",
          { ...values, other: event.carrier === "tcp" ? "UDP" : "TCP" },
        );
      }
      case "moved":
        this.monitor.sendsOver(event.carrier, event.reason);
        return log.info("Sending over {carrier} from now on: {reason}", values);
    }
  }

  #up(
    { server: place, address, configuration, candidate, carrier, mtu }: ClientEvent & {
      type: "up";
    },
  ): void {
    this.#hint.cancel();
    const server = this.#candidates[candidate]!;
    this.#server = place;
    this.#lastAddresses.set(place, server);
    this.#addresses[place]!.remember(this.#candidates);
    const spare = this.#candidates.filter((other) => other !== server);
    const { network, ipv6 } = this.#configure(
      address,
      configuration,
      mtu,
      [server, ...spare],
      { server: server.toString(), carrier },
    );
    const hosts = [{ address, network }, ...ipv6 ? [ipv6] : []];
    if (this.#membership) {
      const { state, plan } = this.#membership;
      state.servers = plan.servers;
      state.forgetInvite();
    }
    this.#introduction?.enrolled(place);
    this.#failures.clear();
    this.monitor.facts = this.#facts(place);
    this.monitor.sendsOver(carrier, "it answered first");
    this.#service.status(`Connected to ${this.#servers[place]!.host} as ${formatIpv4(address)}`);
    log.info(
      `Connected to {server}${configuration ? " over {carrier} as {name}" : ""}: this machine is ` +
        "{address} in {network} on {tun}",
      {
        server: server.toString(),
        carrier: carrier.toUpperCase(),
        name: configuration?.name,
        address: hosts.map(({ address }) => formatAddress(address)).join(" and "),
        network: hosts.map(({ network }) => network).join(" and "),
        tun: this.#tun.name,
      },
    );
    this.#tellAddress(address);
  }

  /** Another server, or one that forgot, may give another address. */
  #tellAddress(address: number): void {
    const before = this.#lastAddress;
    this.#lastAddress = address;
    if (before === undefined || before === address) return;
    log.warn("This machine was {before} before: connections from that address end", {
      before: formatIpv4(before),
    });
  }

  /** Gives the interface what the server said; returns what it is now. */
  #configure(
    address: number,
    configuration: Configuration | undefined,
    mtu: number,
    servers?: readonly SocketAddress[],
    reached?: Reached,
  ): Pick<InterfaceSettings, "network" | "ipv6"> {
    const network = configuration
      ? new Ipv4Prefix(address, configuration.address.prefixLength)
      : this.#settings.network ?? classicNetwork(address);
    const routes = revivePrefixes(configuration?.routes ?? []);
    const wanted6 = ipv6Host(configuration);
    this.#interface.configure({ address, network, ipv6: wanted6, mtu, routes }, servers);
    const ipv6 = this.#interface.hasIpv6 ? wanted6 : undefined;
    const isFull = this.#interface.takesEverything;
    this.monitor.told = { address, configuration, mtu, network, ipv6 };
    this.#surroundings.set({ mtu, address, network, ipv6, configuration, isFull }, reached);
    return { network, ipv6 };
  }

  /**
   * Says why there is no connection to a server; one that is away for days fills no log with it.
   *
   * @param next the server that is tried in its place, if there is one left
   */
  #tellFailure(server: number, reason: string, next?: number): void {
    const { host, port } = this.#servers[server]!;
    const isKnown = reason === this.#failures.get(server);
    this.#failures.set(server, reason);
    const other = next === undefined ? undefined : this.#servers[next]!.host;
    const trying = other === undefined ? "trying on" : "trying {other}";
    log[isKnown ? "debug" : "warn"](
      `No connection to {host} port {port}: {reason}; ${trying}`,
      { host, port, reason, ...other === undefined ? {} : { other } },
    );
    this.monitor.down(reason);
  }

  #explain(event: ClientEvent & { type: "gave_up" }): Failure {
    const { host } = this.#servers[event.server]!;
    switch (event.cause) {
      case "unresolved":
        return new Failure(
          `Cannot find the server "${host}": ${event.reason}: check the name, and that this ` +
            `machine has a working DNS ("getent hosts ${host}")`,
        );
      case "rejected":
        return new Failure(
          this.#servers.length === 1
            ? `${host} does not let this client in: ${event.reason}`
            : `None of the servers lets this client in; ${host} was the last: ${event.reason}`,
        );
      case "refused":
        return new Failure(
          `The server refused the address ${
            formatIpv4(this.#settings.address!)
          }: it is in use by another client, or not in the server's network: ask for another with ` +
            "-a, or leave -a out to be given one",
        );
    }
  }
}

function ipv6Host(configuration: Configuration | undefined): Ipv6Host | undefined {
  if (configuration?.address6 === undefined) return undefined;
  const { address, prefixLength } = configuration.address6;
  return { address, network: new Ipv6Prefix(address, prefixLength) };
}

function introduce(
  { state, plan }: Membership,
  { address }: ClientSettings,
  capabilities: number,
): Introduction {
  const { invite } = plan;
  const servers = plan.servers.map(({ publicKey }) => publicKey);
  return new Introduction(
    { identity: state.identity, servers, invite, address, capabilities },
    { timestamp: () => state.nextTimestamp(), randomKey },
  );
}
