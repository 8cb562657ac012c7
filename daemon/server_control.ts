import type { Registry } from "../lib/config/registry.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import type { KeyPair } from "../lib/protocol/x25519.ts";
import { Announcements } from "../lib/session/announcements.ts";
import type { ServerFacts } from "../lib/status/server_status.ts";
import { Door } from "./door.ts";
import { setLogLevel } from "./logging.ts";
import type { GatekeeperMessage, ServerMessage, ServerSetup, TermsMessage } from "./messages.ts";
import { PacketWorker } from "./packet_worker.ts";
import { PeerRoutes } from "./peer_routes.ts";
import { ServerHooks } from "./server_hooks.ts";
import { type Notice, reporter } from "./server_log.ts";
import { serverFacts, ServerMonitor } from "./server_monitor.ts";
import { serverSetup, serverTerms } from "./server_setup.ts";
import type { ServerStore } from "./server_store.ts";
import type { ServerSockets } from "./server_sockets.ts";
import type { ServerTunnel } from "./server_tunnel.ts";
import { reportCounters } from "./statistics.ts";

/**
 * The main thread's part of a server: who is let in, leases, hooks, and words for the person. It starts
 * the packet worker, and takes what that tells.
 */
export class ServerControl implements AsyncDisposable {
  readonly #store: ServerStore;
  readonly #tun: string;
  readonly #setup: ServerSetup;
  readonly #report: (notice: Notice) => void;
  readonly #hooks: ServerHooks;
  readonly #worker: PacketWorker<ServerSetup, GatekeeperMessage | TermsMessage, ServerMessage>;
  readonly #door: Door;
  #facts: ServerFacts;
  /** Knows how the server fares, for whoever asks. */
  readonly monitor: ServerMonitor;

  /** @param sockets the worker's from now on, as is the TUN device */
  constructor(
    settings: ServerSettings,
    identity: KeyPair,
    store: ServerStore,
    tunnel: ServerTunnel,
    sockets: ServerSockets,
  ) {
    const { registry, leases } = store;
    const { tun, networks } = tunnel;
    this.#store = store;
    this.#tun = tun.name;
    this.#setup = serverSetup(settings, identity.publicKey, tunnel, sockets, leases);
    this.#facts = serverFacts(settings, this.#setup, tun.name);
    this.#report = reporter(networks, settings.state);
    this.#hooks = new ServerHooks(settings, networks, tun.name, () => registry.registry);
    this.#worker = new PacketWorker(
      new URL("./server_worker.ts", import.meta.url),
      tun.name,
      this.#setup,
      (message) => this.#handle(message),
    );
    const routes = new PeerRoutes(tun.name, networks.network6 !== undefined);
    const announcements = new Announcements();
    this.#door = new Door(
      {
        identity,
        network: networks.network,
        capabilities: this.#setup.capabilities,
        announcements,
        follow: (registry: Registry) => routes.follow(registry),
        notAllowed: (unallowed) => this.#report({ type: "not_allowed", ...unallowed }),
      },
      store,
      (message) => this.#worker.post(message),
    );
    this.monitor = new ServerMonitor(
      () => this.#facts,
      this.#worker.counters,
      () => registry.registry,
      announcements,
      () => this.#worker.post({ type: "report" }),
    );
    reportCounters(this.#worker.counters);
  }

  /** Goes by other settings, as far as a running server can. */
  follow(settings: ServerSettings): void {
    setLogLevel(settings.logLevel);
    const terms = serverTerms(settings);
    this.#worker.post({ type: "terms", terms });
    this.#facts = serverFacts(settings, { ...this.#setup, ...terms }, this.#tun);
  }

  /** The server serves from now on. */
  begin(): void {
    this.#hooks.up();
    this.#door.watch().catch((error) => this.#worker.fail(error));
  }

  /** Rejects when the server cannot go on. @throws {Failure} that says why */
  get failed(): Promise<never> {
    return this.#worker.failed;
  }

  /** Settles when the packet worker has come round: it is not hanging. */
  answer(): Promise<void> {
    return this.#worker.answer();
  }

  /** Has the packet worker close everything. @throws {Failure} if it ends otherwise */
  async stop(): Promise<void> {
    this.#worker.stop();
    await this.#worker.stopped;
  }

  /** Follows nothing any more, and runs the hooks of the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#door.close();
    await this.#hooks.end();
  }

  #handle(message: ServerMessage): void {
    if ("connection" in message) return this.#door.receive(message);
    if (message.type === "report") return this.monitor.answered(message.report);
    if (message.type === "event") {
      this.#store.leases.apply(message.event);
      this.#hooks.apply(message.event);
      this.monitor.note(message.event);
    }
    this.#report(message);
  }
}
