import { formatAddress } from "../lib/address/ip_address.ts";
import { Pool } from "../lib/address/pool.ts";
import { ipv6Beside, type TunnelNetworks } from "../lib/address/tunnel_networks.ts";
import {
  list,
  type PeerVariables,
  plain,
  type TunnelVariables,
} from "../lib/config/hook_variables.ts";
import type { Registry } from "../lib/config/registry.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import type { ServerEvent } from "../lib/session/server_event.ts";
import { finishHooks, runHook } from "./hook.ts";
import { HookQueue } from "./hook_queue.ts";

type Coming = Extract<ServerEvent, { type: "joined" }>;

/** The subject of `--up` and `--down`; no client's, which are names and addresses. */
const TUNNEL = "";

/** Runs a server's hooks: for the tunnel, and for each client that comes and goes. */
export class ServerHooks {
  readonly #settings: ServerSettings;
  readonly #networks: TunnelNetworks;
  readonly #tun: string;
  readonly #registry: () => Registry;
  readonly #queue: HookQueue;
  /** Clients that are there, and what their hooks were told. */
  readonly #clients = new Map<string, PeerVariables>();
  #isUp = false;

  /** @param tun name of the TUN device */
  constructor(
    settings: ServerSettings,
    networks: TunnelNetworks,
    tun: string,
    registry: () => Registry,
  ) {
    this.#settings = settings;
    this.#networks = networks;
    this.#tun = tun;
    this.#registry = registry;
    this.#queue = new HookQueue(settings.hooks.timeout, runHook);
  }

  /** The server serves. */
  up(): void {
    this.#isUp = true;
    this.#queue.add(TUNNEL, {
      kind: "begin",
      program: this.#settings.hooks.up,
      variables: this.#tunnelVariables("up"),
    });
  }

  /** Takes what happens to clients. */
  apply(event: ServerEvent): void {
    if (event.type === "joined") this.#joined(event);
    else if (event.type === "left") this.#left(subjectOf(event), event.reason);
  }

  /** All clients are gone, and the tunnel with them, if it was ever up. */
  async end(): Promise<void> {
    if (!this.#isUp) return;
    for (const subject of [...this.#clients.keys()]) this.#left(subject, "the server stopped");
    await finishHooks(this.#queue);
    const { down, timeout } = this.#settings.hooks;
    if (down !== undefined) await runHook(down, this.#tunnelVariables("down"), timeout);
  }

  #joined(event: Coming): void {
    const subject = subjectOf(event);
    this.#left(subject, "it has another address from now on");
    const variables = this.#peerVariables(event);
    this.#clients.set(subject, variables);
    this.#queue.add(subject, {
      kind: "begin",
      program: this.#settings.hooks.onConnect,
      variables: { SIMPLEVPN_EVENT: "connect", ...variables },
    });
  }

  #left(subject: string, reason: string): void {
    const variables = this.#clients.get(subject);
    if (variables === undefined) return;
    this.#clients.delete(subject);
    this.#queue.add(subject, {
      kind: "end",
      program: this.#settings.hooks.onDisconnect,
      variables: {
        SIMPLEVPN_EVENT: "disconnect",
        ...variables,
        SIMPLEVPN_REASON: plain(reason),
      },
    });
  }

  #tunnelVariables(event: "up" | "down"): TunnelVariables {
    const { mtu, routes, dns, searchDomains } = this.#settings;
    const { network, network6 } = this.#networks;
    return {
      SIMPLEVPN_EVENT: event,
      SIMPLEVPN_TUN: this.#tun,
      SIMPLEVPN_MTU: `${mtu}`,
      SIMPLEVPN_ADDRESS: formatAddress(Pool.serverAddress(network)),
      SIMPLEVPN_ADDRESS6: network6 && formatAddress(network6.host(1)),
      SIMPLEVPN_NETWORK: `${network}`,
      SIMPLEVPN_NETWORK6: network6 && `${network6}`,
      SIMPLEVPN_ROUTES: list(routes),
      SIMPLEVPN_DNS: list(dns.map(formatAddress)),
      SIMPLEVPN_DOMAINS: list(searchDomains),
    };
  }

  #peerVariables({ name, address, source }: Coming): PeerVariables {
    const { network, network6 } = this.#networks;
    const peer = this.#registry().peers.find((peer) => peer.name === name);
    const address6 = name === undefined ? undefined : ipv6Beside(address, this.#networks);
    return {
      SIMPLEVPN_TUN: this.#tun,
      SIMPLEVPN_PEER: name,
      SIMPLEVPN_PEER_KEY: peer?.publicKey,
      SIMPLEVPN_ADDRESS: formatAddress(address),
      SIMPLEVPN_ADDRESS6: address6 && formatAddress(address6),
      SIMPLEVPN_NETWORK: `${network}`,
      SIMPLEVPN_NETWORK6: network6 && `${network6}`,
      SIMPLEVPN_ROUTES: list(peer?.routes ?? []),
      SIMPLEVPN_OUTER: plain(source),
    };
  }
}

/** A classic client is known by its address alone, which no peer's name is to be taken for. */
function subjectOf({ name, address }: Pick<Coming, "name" | "address">): string {
  return name === undefined ? `classic ${formatAddress(address)}` : name;
}
