import { toBase64 } from "../lib/config/base64.ts";
import type { ClientSettings } from "../lib/config/client_settings.ts";
import type { ServerReference } from "../lib/config/invite.ts";
import type { Carrier } from "../lib/protocol/hello.ts";
import type { Counters } from "../lib/session/counters.ts";
import type { ClientReport } from "../lib/session/report.ts";
import {
  type ClientFacts,
  type ClientSettingsTold,
  type ClientStatus,
  clientStatus,
} from "../lib/status/client_status.ts";
import type { MetricFamily } from "../lib/status/exposition.ts";
import { clientMetrics } from "../lib/status/metrics.ts";
import { Enquiry } from "./enquiry.ts";
import { VERSION } from "./version.ts";

/** Knows how a client fares, for whoever asks. */
export class ClientMonitor {
  /** What there is to tell at any time, as long as the server is the same. */
  facts: ClientFacts;
  readonly #counters: Counters;
  readonly #enquiry: Enquiry<ClientReport>;
  readonly #started = performance.now();
  /** By which carrier packets go to the server now; undefined if it is not connected. */
  #carrier: Carrier | undefined;
  /** Why they do, or why it is not connected. */
  #reason = "not yet";
  /** What the server told last, if anything. */
  told: ClientSettingsTold | undefined;

  /** @param ask asks the packet worker for a report */
  constructor(facts: ClientFacts, counters: Counters, ask: () => void) {
    this.facts = facts;
    this.#counters = counters;
    this.#enquiry = new Enquiry(ask);
  }

  /** Takes the packet worker's answer. */
  answered(report: ClientReport): void {
    this.#enquiry.answered(report);
  }

  /** Packets go by this carrier from now on. */
  sendsOver(carrier: Carrier, reason: string): void {
    [this.#carrier, this.#reason] = [carrier, reason];
  }

  /** There is no connection now. */
  down(reason: string): void {
    [this.#carrier, this.#reason] = [undefined, reason];
  }

  /** How packets go to the server now, and why, as one line. */
  get way(): string {
    const state = this.#carrier ? `Sending over ${this.#carrier.toUpperCase()}` : "Not connected";
    return `${state}: ${this.#reason}`;
  }

  async status(): Promise<ClientStatus> {
    const report = await this.#enquiry.report();
    return clientStatus(this.facts, {
      time: Date.now(),
      uptime: performance.now() - this.#started,
      report,
      totals: this.#counters.read(),
      told: this.told,
      reason: this.#reason,
    });
  }

  async metrics(): Promise<MetricFamily[]> {
    return clientMetrics(await this.status());
  }
}

/**
 * What there is to tell of a client before it is connected.
 *
 * @param key the server's public key; a classic one has none
 */
export function clientFacts(
  { classic }: ClientSettings,
  { host, port }: Pick<ServerReference, "host" | "port">,
  key: Uint8Array | undefined,
  tun: string,
): ClientFacts {
  const publicKey = key === undefined ? null : toBase64(key);
  return { version: VERSION, tun, classic, server: { host, port, publicKey } };
}
