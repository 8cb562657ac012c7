import { NetworkInterface } from "../ffi/interface.ts";
import { ResolveError } from "../ffi/resolve.ts";
import type { TunDevice } from "../ffi/tun.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import type { ClientSettings } from "../lib/config/client_settings.ts";
import { writeAnnouncement } from "../lib/protocol/announcement.ts";
import type { ClientEvent } from "../lib/session/client_event.ts";
import type { ClientFacts } from "../lib/status/client_status.ts";
import { Announcing } from "./announcing.ts";
import { ClientHandshakes, type Membership } from "./client_handshakes.ts";
import { UnusableNetwork } from "./client_interface.ts";
import { ClientLog } from "./client_log.ts";
import { clientFacts, ClientMonitor } from "./client_monitor.ts";
import { ClientServers, type ServerPlace } from "./client_servers.ts";
import type { ClientTunnel } from "./client_tunnel.ts";
import { DoctorHint } from "./doctor_hint.ts";
import { log } from "./logging.ts";
import type { ClientAnswer, ClientMessage, ClientSetup } from "./messages.ts";
import { PacketWorker } from "./packet_worker.ts";
import type { ServiceManager } from "./sd_notify.ts";
import { reportCounters } from "./statistics.ts";
import { capabilitiesOf } from "./tun_setup.ts";

/** What a client's main thread works on. */
export interface ClientParts {
  settings: ClientSettings;
  /** The preferred one first. */
  servers: readonly ServerPlace[];
  membership: Membership | undefined;
  /** The packet worker's from now on. */
  tun: TunDevice;
  tunnel: ClientTunnel;
  service: ServiceManager;
}

/**
 * The main thread's part of a client: it answers the packet worker, which it starts, with addresses and
 * handshakes, and has the machine, and whoever looks on, follow what that tells.
 */
export class ClientControl implements Disposable {
  readonly #parts: ClientParts;
  /** Of a secure client. */
  readonly #handshakes: ClientHandshakes | undefined;
  readonly #addresses: ClientServers;
  readonly #log: ClientLog;
  readonly #worker: PacketWorker<ClientSetup, ClientAnswer, ClientMessage>;
  readonly #announcing: Announcing;
  readonly #hint = new DoctorHint();
  /** The place of the server that the client is, or was last, connected to. */
  #server = 0;
  /** Knows how the client fares, for whoever asks. */
  readonly monitor: ClientMonitor;

  constructor(parts: ClientParts) {
    const { settings, servers, membership, tun } = parts;
    this.#parts = parts;
    this.#addresses = new ClientServers(servers);
    this.#log = new ClientLog(servers, tun.name);
    this.#worker = new PacketWorker(
      new URL("./client_worker.ts", import.meta.url),
      tun.name,
      clientSetup(parts),
      (message) => this.#handle(message),
    );
    this.#handshakes = membership && new ClientHandshakes(
      membership,
      settings.address,
      capabilitiesOf(tun),
      (message) => this.#worker.post(message),
    );
    this.monitor = new ClientMonitor(
      this.#facts(0),
      this.#worker.counters,
      () => this.#worker.post({ type: "report" }),
    );
    reportCounters(this.#worker.counters, () => this.monitor.way);
    this.#announcing = new Announcing(settings.announce);
    this.#announcing.checkForwarding();
  }

  /** Rejects when the client cannot, or need not, go on. @throws {Failure} that says why */
  get failed(): Promise<never> {
    return this.#worker.failed;
  }

  /** Settles when the packet worker has come round: it is not hanging. */
  answer(): Promise<void> {
    return this.#worker.answer();
  }

  /** Somebody tells the client to go back to the first of its servers. */
  reconnect(): void {
    log.info("Connecting anew, as a command says");
    this.#worker.post({ type: "reconnect" });
  }

  /** Has the packet worker close everything. @throws {Failure} if it ends otherwise */
  async stop(): Promise<void> {
    this.#worker.stop();
    await this.#worker.stopped;
  }

  [Symbol.dispose](): void {
    this.#hint.cancel();
  }

  /** What there is to tell of the client while it is with this server. */
  #facts(server: number): ClientFacts {
    const { settings, servers, membership, tun } = this.#parts;
    const key = membership?.plan.servers[server]?.publicKey;
    return clientFacts(settings, servers[server]!, key, tun.name);
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case "resolve":
        this.#resolve(message.question, message.server);
        return;
      case "requestHello":
        return this.#handshakes!.hello(message);
      case "requestRekey":
        return this.#handshakes!.rekey(message.link);
      case "complete":
        return this.#handshakes!.complete(message.link, message.message);
      case "forget":
        return this.#handshakes!.forget(message.link);
      case "woke":
        return this.#log.woke(message.slept);
      case "network_changed":
        this.#log.networkChanged();
        return this.#parts.tunnel.networkChanged();
      case "not_watching":
        return this.#log.notWatching(message.reason);
      case "event":
        return this.#follow(message.event);
      case "report":
        return this.monitor.answered(message.report);
    }
  }

  async #resolve(question: number, server: number): Promise<void> {
    try {
      const found = await this.#addresses.find(question, server);
      if (found === undefined) return;
      this.#parts.tunnel.expect(found);
      const addresses = found.map(({ bytes }) => bytes);
      this.#worker.post({ type: "resolved", question, addresses });
    } catch (error) {
      if (!(error instanceof ResolveError)) return this.#worker.fail(error as Error);
      const { message: reason, temporary } = error;
      this.#worker.post({ type: "unresolved", question, reason, permanent: !temporary });
    }
  }

  /** Has everybody follow what happened. @throws {Failure} if the machine cannot, or the client gave up */
  #follow(event: ClientEvent): void {
    try {
      this.#tell(event);
    } catch (error) {
      if (!(error instanceof UnusableNetwork)) throw error;
      // Nobody followed, and the client goes on to another server.
      this.#worker.post({ type: "unusable", server: this.#server, reason: error.message });
    }
  }

  /** @throws {UnusableNetwork} if the machine must not be what the server said */
  #tell(event: ClientEvent): void {
    switch (event.type) {
      case "up":
        return this.#up(event);
      case "changed": {
        const { configuration, mtu } = event;
        const { address } = configuration.address;
        this.monitor.told = this.#parts.tunnel.set({ address, configuration, mtu });
        this.#log.changed(event);
        return this.#announcing.configured(configuration);
      }
      case "down":
        this.monitor.down(event.reason);
        this.#parts.service.status(this.monitor.way);
        return this.#log.down(this.#server, event.reason);
      case "passed_over":
        return this.#failed(event.server, event.reason, event.next);
      case "failed":
        return this.#failed(event.server, event.reason);
      case "refused":
        return this.#failed(
          event.server,
          `the server does not give ${formatIpv4(event.address)} back yet, it may still hold it ` +
            "for the lost connection",
        );
      case "gave_up":
        throw this.#log.gaveUp(event, this.#parts.settings.address);
      case "moved":
        this.monitor.sendsOver(event.carrier, event.reason);
        return this.#log.path(event);
      default:
        return this.#log.path(event);
    }
  }

  #up(event: ClientEvent & { type: "up" }): void {
    const { server: place, candidate, carrier, address } = event;
    const { servers, membership, tunnel, service } = this.#parts;
    this.#hint.cancel();
    this.#server = place;
    const addresses = this.#addresses.connected(place, candidate);
    const [server] = addresses;
    const told = tunnel.set(event, addresses, { server: server.toString(), carrier });
    if (membership) {
      membership.state.servers = membership.plan.servers;
      membership.state.forgetInvite();
    }
    this.#handshakes?.enrolled(place);
    this.monitor.told = told;
    this.monitor.facts = this.#facts(place);
    this.monitor.sendsOver(carrier, "it answered first");
    service.status(`Connected to ${servers[place]!.host} as ${formatIpv4(address)}`);
    this.#log.up(server, carrier, told);
    if (event.configuration !== undefined) this.#announcing.configured(event.configuration);
  }

  #failed(server: number, reason: string, next?: number): void {
    this.#log.failed(server, reason, next);
    this.monitor.down(reason);
  }
}

/** What a client's packet worker starts from. */
function clientSetup({ settings, servers, tun }: ClientParts): ClientSetup {
  const { classic, address, mtu, timing, announce, crypto, congestion } = settings;
  return {
    tun,
    tunIndex: new NetworkInterface(tun.name).index,
    capabilities: capabilitiesOf(tun),
    classic,
    servers: servers.length,
    carriers: classic ? ["tcp"] : settings.carriers,
    address,
    mtu,
    timing,
    // Also if it is of nothing: an earlier one, of a client that was told otherwise, is over.
    announcement: classic ? undefined : writeAnnouncement(announce),
    crypto,
    congestion,
  };
}
