import type { Registry } from "../lib/config/registry.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import type { Announcements } from "../lib/session/announcements.ts";
import type { Counters } from "../lib/session/counters.ts";
import type { ServerReport } from "../lib/session/report.ts";
import type { ServerEvent } from "../lib/session/server_event.ts";
import type { MetricFamily } from "../lib/status/exposition.ts";
import { serverMetrics } from "../lib/status/metrics.ts";
import { type ServerFacts, type ServerStatus, serverStatus } from "../lib/status/server_status.ts";
import { Enquiry } from "./enquiry.ts";
import type { ServerSetup } from "./messages.ts";
import { VERSION } from "./version.ts";

/** Knows how a server fares, for whoever asks. */
export class ServerMonitor {
  readonly #facts: () => ServerFacts;
  readonly #counters: Counters;
  readonly #registry: () => Registry;
  readonly #announcements: Announcements;
  readonly #enquiry: Enquiry<ServerReport>;
  readonly #started = performance.now();
  /** When registered peers left, by their public keys. */
  readonly #left = new Map<string, number>();

  /** @param ask asks the packet worker for a report */
  constructor(
    facts: () => ServerFacts,
    counters: Counters,
    registry: () => Registry,
    announcements: Announcements,
    ask: () => void,
  ) {
    this.#facts = facts;
    this.#counters = counters;
    this.#registry = registry;
    this.#announcements = announcements;
    this.#enquiry = new Enquiry(ask);
  }

  /** Takes the packet worker's answer. */
  answered(report: ServerReport): void {
    this.#enquiry.answered(report);
  }

  /** Remembers who leaves. */
  note(event: ServerEvent): void {
    if (event.type !== "left" || event.name === undefined) return;
    const registry = this.#registry();
    const peer = registry.peerByName(event.name);
    if (peer !== undefined) this.#left.set(peer.publicKey, performance.now());
    if (this.#left.size <= registry.peers.length) return;
    for (const key of this.#left.keys()) if (!registry.peerByKey(key)) this.#left.delete(key);
  }

  async status(): Promise<ServerStatus> {
    const report = await this.#enquiry.report();
    const now = performance.now();
    return serverStatus(this.#facts(), {
      time: Date.now(),
      uptime: now - this.#started,
      report,
      totals: this.#counters.read(),
      peers: this.#registry().peers,
      announced: (publicKey) => this.#announcements.of(publicKey),
      leftFor: new Map([...this.#left].map(([key, leftAt]) => [key, now - leftAt])),
    });
  }

  async metrics(): Promise<MetricFamily[]> {
    return serverMetrics(await this.status());
  }
}

/** What there is to tell of a server before anybody connects. */
export function serverFacts(
  { listen, port, mtu, classic, isolate }: ServerSettings,
  { listenerFd, datagramFd, network, network6, maxConnections }: ServerSetup,
  tun: string,
): ServerFacts {
  const address = listen ?? null;
  const listening: ServerFacts["listening"] = [];
  if (listenerFd !== undefined) listening.push({ carrier: "tcp", address, port });
  if (datagramFd !== undefined) listening.push({ carrier: "udp", address, port });
  return {
    version: VERSION,
    tun,
    mtu,
    classic,
    isolate,
    network,
    network6,
    listening,
    maxConnections,
  };
}
