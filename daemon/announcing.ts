import { isIpv4Prefix, isPartOf, type Prefix } from "../lib/address/prefix.ts";
import type { Configuration } from "../lib/protocol/control.ts";
import { readSetting } from "./kernel_settings.ts";
import { log } from "./logging.ts";
import { revivePrefixes } from "./messages.ts";

/** The kernel's switches of forwarding, for all interfaces. */
const FORWARDING = { ipv4: "net/ipv4/ip_forward", ipv6: "net/ipv6/conf/all/forwarding" } as const;

/** What a client announces to be behind it, and what a person is to know of that. */
export class Announcing {
  readonly #networks: readonly Prefix[];
  /** Those, as text, of which was told that the server does not allow them. */
  #told = "";

  constructor(networks: readonly Prefix[]) {
    this.#networks = networks;
  }

  /** Warns if this machine does not forward, so that nobody would reach what it announces. */
  checkForwarding(): void {
    const networks = this.#networks.filter((network) =>
      readSetting(FORWARDING[isIpv4Prefix(network) ? "ipv4" : "ipv6"]) === "0"
    );
    if (networks.length === 0) return;
    log.warn(
      "This machine announces {networks} and does not forward: nobody reaches what is there; start " +
        "with --forward, or with --nat if the machines there have no route back",
      { networks: networks.join(" and ") },
    );
  }

  /** The server said what this client is to use: tells of what is announced and not among it. */
  configured({ prefixes }: Configuration): void {
    const allowed = revivePrefixes(prefixes);
    const missing = this.#networks.filter((network) =>
      !allowed.some((whole) => isPartOf(network, whole))
    );
    const text = missing.join(" and ");
    if (text === this.#told) return;
    this.#told = text;
    if (text === "") return log.info("The server allows all networks that this machine announces");
    log.warn(
      "The server does not allow {networks}, which this machine announces: the command that does is in " +
        "the server's log and status",
      { networks: text },
    );
  }
}
