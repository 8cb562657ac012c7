import { formatAddress, type IpAddress } from "../lib/address/ip_address.ts";
import type { Prefix } from "../lib/address/prefix.ts";
import type { ClientSettings } from "../lib/config/client_settings.ts";
import { readDns } from "../lib/config/dns.ts";
import { list, type TunnelVariables } from "../lib/config/hook_variables.ts";
import type { Configuration } from "../lib/protocol/control.ts";
import type { Carrier } from "../lib/protocol/hello.ts";
import { Dns, NO_DNS } from "./dns.ts";
import { finishHooks, runHook } from "./hook.ts";
import { HookQueue } from "./hook_queue.ts";
import { log } from "./logging.ts";
import { revivePrefixes } from "./messages.ts";

/** What a client's tunnel is like. */
export interface Tunnel {
  mtu: number;
  address: number;
  network: Prefix;
  ipv6: { address: IpAddress; network: Prefix } | undefined;
  configuration: Configuration | undefined;
  /** Whether all that the machine sends goes through it. */
  isFull: boolean;
}

/** By what a client reached its server. */
export interface Reached {
  /** Its outer address and port. */
  server: string;
  carrier: Carrier;
}

/** What a person chose of it. */
type Choices = Pick<ClientSettings, "hooks" | "dns">;

/**
 * What a client does to its machine besides the interface: DNS, then the hooks, in that order. It lasts,
 * as the interface does, from the first connection to the end of the program.
 */
export class ClientSurroundings {
  readonly #tun: string;
  #choices: Choices;
  readonly #queue: HookQueue;
  readonly #dns: Dns | undefined;
  #reached: Reached | undefined;
  #variables: TunnelVariables | undefined;
  /** What is to be followed next, if that waits for its turn. */
  #next: Tunnel | undefined;
  /** The last step: each begins when the one before is done. */
  #last: Promise<void> = Promise.resolve();
  #ended: Promise<void> | undefined;

  /**
   * @param tun name of the TUN device
   * @param folder the client's state folder; without one it leaves the machine's DNS alone
   */
  constructor(tun: string, choices: Choices, folder: string | undefined) {
    this.#tun = tun;
    this.#choices = choices;
    this.#queue = new HookQueue(choices.hooks.timeout, runHook);
    this.#dns = folder === undefined ? undefined : new Dns(tun, folder);
  }

  /** Goes by these choices from the next `set()` on. */
  choose(choices: Choices): void {
    this.#choices = choices;
    this.#queue.timeout = choices.hooks.timeout;
  }

  /**
   * The interface is like this now. However fast that changes, one step at the most waits; at the end
   * nothing is done about it any more.
   *
   * @param reached told at each connection
   */
  set(tunnel: Tunnel, reached = this.#reached): void {
    if (this.#ended !== undefined) return;
    this.#reached = reached;
    const isDue = this.#next !== undefined;
    this.#next = tunnel;
    if (!isDue) this.#last = this.#last.then(() => this.#follow());
  }

  /** Runs the hook for the end, and puts all back. */
  end(): Promise<void> {
    return this.#ended ??= this.#end();
  }

  async #end(): Promise<void> {
    await this.#last;
    await finishHooks(this.#queue);
    const { down, timeout } = this.#choices.hooks;
    if (down !== undefined && this.#variables !== undefined) {
      await runHook(down, { ...this.#variables, SIMPLEVPN_EVENT: "down" }, timeout);
    }
    await this.#dns?.clear();
  }

  async #follow(): Promise<void> {
    const tunnel = this.#next!;
    this.#next = undefined;
    const before = this.#variables;
    const after = this.#variables = this.#variablesOf(tunnel);
    await this.#setDns(tunnel);
    if (before === undefined) this.#runUp("begin", "up", after);
    else if (!isSame(before, after)) this.#runUp("change", "change", after);
  }

  #runUp(kind: "begin" | "change", event: string, tunnel: TunnelVariables): void {
    const variables = { ...tunnel, SIMPLEVPN_EVENT: event };
    this.#queue.add(this.#tun, { kind, program: this.#choices.hooks.up, variables });
  }

  async #setDns({ configuration, isFull }: Tunnel): Promise<void> {
    if (this.#dns === undefined || configuration === undefined) return;
    if (!this.#choices.dns) return await this.#dns.set(NO_DNS);
    const { refused, ...settings } = readDns(configuration, isFull);
    if (refused.length > 0) {
      log.warn("Of the DNS servers that the server tells, these are left out: {refused}", {
        refused: refused.map(formatAddress).join(", "),
      });
    }
    await this.#dns.set(settings);
  }

  #variablesOf({ mtu, address, network, ipv6, configuration }: Tunnel): TunnelVariables {
    return {
      SIMPLEVPN_TUN: this.#tun,
      SIMPLEVPN_MTU: `${mtu}`,
      SIMPLEVPN_ADDRESS: formatAddress(address),
      SIMPLEVPN_ADDRESS6: ipv6 && formatAddress(ipv6.address),
      SIMPLEVPN_NETWORK: `${network}`,
      SIMPLEVPN_NETWORK6: ipv6 && `${ipv6.network}`,
      SIMPLEVPN_ROUTES: list(revivePrefixes(configuration?.routes ?? [])),
      SIMPLEVPN_DNS: list(configuration?.dns.map(formatAddress) ?? []),
      SIMPLEVPN_DOMAINS: list(configuration?.searchDomains ?? []),
      SIMPLEVPN_PEER: configuration?.name,
      SIMPLEVPN_OUTER: this.#reached?.server,
      SIMPLEVPN_CARRIER: this.#reached?.carrier,
    };
  }
}

/** Which of both carriers answered first is no change. */
function isSame(before: TunnelVariables, after: TunnelVariables): boolean {
  const text = (variables: TunnelVariables): string =>
    JSON.stringify({ ...variables, SIMPLEVPN_CARRIER: undefined });
  return text(before) === text(after);
}
