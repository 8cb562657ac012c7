import type { SocketAddress } from "../ffi/socket_address.ts";
import { Ipv4Prefix } from "../lib/address/ipv4_prefix.ts";
import { Ipv6Prefix } from "../lib/address/ipv6_prefix.ts";
import type { ClientSettings } from "../lib/config/client_settings.ts";
import { classicNetwork } from "../lib/config/networks.ts";
import type { Configuration } from "../lib/protocol/control.ts";
import type { ClientSettingsTold } from "../lib/status/client_status.ts";
import { ClientInterface } from "./client_interface.ts";
import { ClientSurroundings, type Reached } from "./client_surroundings.ts";
import { checkHooks, endTimeOf } from "./hook.ts";
import { revivePrefixes } from "./messages.ts";
import type { Ipv6Host } from "./tun_ipv6.ts";

/** What the server said, and what follows from it. */
export type Told = Pick<ClientSettingsTold, "address" | "configuration" | "mtu">;

/**
 * What a client makes of this machine: its interface, DNS, and the hooks that are told. All of it lasts
 * from the first connection to the end of the program.
 */
export class ClientTunnel implements AsyncDisposable {
  #settings: ClientSettings;
  readonly #interface: ClientInterface;
  readonly #surroundings: ClientSurroundings;
  /** What the machine was made last. */
  #present: ClientSettingsTold | undefined;

  /**
   * @param tun name of the TUN device
   * @param folder the client's state folder, if it has one
   */
  constructor(settings: ClientSettings, tun: string, folder: string | undefined) {
    this.#settings = settings;
    this.#interface = new ClientInterface(tun, settings.routes);
    this.#surroundings = new ClientSurroundings(tun, settings, folder);
  }

  /** Milliseconds that its end can take. */
  get endTime(): number {
    return endTimeOf(this.#settings.hooks);
  }

  /**
   * Goes by other settings, as far as they are the machine's: routes, DNS and hooks.
   *
   * @throws {Error} if that cannot be; then all is as before
   */
  choose(settings: ClientSettings): void {
    checkHooks(settings.hooks);
    this.#interface.choose(settings.routes);
    this.#settings = settings;
    this.#surroundings.choose(settings);
    if (this.#present !== undefined) this.#setSurroundings(this.#present);
  }

  /** The server may be tried at these addresses from now on, and so past the tunnel. */
  expect(servers: readonly SocketAddress[]): void {
    this.#interface.expect(servers);
  }

  /** @see {ClientInterface.networkChanged} */
  networkChanged(): void {
    this.#interface.networkChanged();
  }

  /**
   * Makes the machine what the server said.
   *
   * @param servers at a connection: the address in use, then the others by which the next may come about
   * @param reached at a connection: by what
   * @returns what it is now
   * @throws {UnusableNetwork} if it must not be like this
   * @throws {Failure} if it cannot
   */
  set(
    { address, configuration, mtu }: Told,
    servers?: readonly SocketAddress[],
    reached?: Reached,
  ): ClientSettingsTold {
    const network = configuration
      ? new Ipv4Prefix(address, configuration.address.prefixLength)
      : this.#settings.network ?? classicNetwork(address);
    const routes = revivePrefixes(configuration?.routes ?? []);
    const wanted6 = ipv6Host(configuration);
    this.#interface.configure({ address, network, ipv6: wanted6, mtu, routes }, servers);
    const ipv6 = this.#interface.hasIpv6 ? wanted6 : undefined;
    const told = { address, configuration, mtu, network, ipv6 };
    this.#present = told;
    this.#setSurroundings(told, reached);
    return told;
  }

  #setSurroundings(told: ClientSettingsTold, reached?: Reached): void {
    this.#surroundings.set({ ...told, isFull: this.#interface.takesEverything }, reached);
  }

  /** Tells the hooks of the end, and puts DNS back, for as long as the connection is still there. */
  async end(): Promise<void> {
    await this.#surroundings.end();
  }

  /** Undoes all that does not end with the TUN device. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.end();
    } finally {
      this.#interface.clear();
    }
  }
}

function ipv6Host(configuration: Configuration | undefined): Ipv6Host | undefined {
  if (configuration?.address6 === undefined) return undefined;
  const { address, prefixLength } = configuration.address6;
  return { address, network: new Ipv6Prefix(address, prefixLength) };
}
