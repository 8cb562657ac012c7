import type { SocketAddress } from "../ffi/socket_address.ts";
import { formatAddress } from "../lib/address/ip_address.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import type { Carrier } from "../lib/protocol/hello.ts";
import type { ClientEvent } from "../lib/session/client_event.ts";
import type { ChangeCause } from "../lib/session/link.ts";
import type { ClientSettingsTold } from "../lib/status/client_status.ts";
import type { ServerPlace } from "./client_servers.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";

/** What happens to one of two paths. */
export type PathEvent = Extract<
  ClientEvent,
  { type: "path_up" | "path_down" | "path_failed" | "moved" }
>;

/** What to say when the configuration changed. */
const CHANGES: Readonly<Record<ChangeCause, string>> = {
  server: "The server changed this machine's settings",
  path: "The path to the server takes packets of other lengths than it did: the MTU is {mtu} now",
};

/** Says what happens to a client; what goes on for days fills no log. */
export class ClientLog {
  readonly #servers: readonly ServerPlace[];
  readonly #tun: string;
  /** The inner address that this machine had last. */
  #address: number | undefined;
  /** Why the last attempt at each server came to nothing, so that each reason is told once. */
  readonly #failures = new Map<number, string>();
  /** Why the path that is missing could not be had, so that each reason is told once. */
  readonly #pathFailures = new Map<Carrier, string>();

  /** @param tun name of the TUN device */
  constructor(servers: readonly ServerPlace[], tun: string) {
    this.#servers = servers;
    this.#tun = tun;
  }

  /** There is a connection, by this outer address. */
  up(server: SocketAddress, carrier: Carrier, told: ClientSettingsTold): void {
    const { address, network, ipv6, configuration } = told;
    this.#failures.clear();
    const hosts = [{ address, network }, ...ipv6 ? [ipv6] : []];
    log.info(
      `Connected to {server}${configuration ? " over {carrier} as {name}" : ""}: this machine is ` +
        "{address} in {network} on {tun}",
      {
        server: server.toString(),
        carrier: carrier.toUpperCase(),
        name: configuration?.name,
        address: hosts.map(({ address }) => formatAddress(address)).join(" and "),
        network: hosts.map(({ network }) => network).join(" and "),
        tun: this.#tun,
      },
    );
    this.#tellAddress(address);
  }

  changed({ cause, mtu }: ClientEvent & { type: "changed" }): void {
    log.info(CHANGES[cause], { mtu });
  }

  /** @param server the one that the client was connected to */
  down(server: number, reason: string): void {
    this.#failures.set(server, reason);
    log.warn("Lost the connection: {reason}; connecting again", { reason });
  }

  /**
   * There is no connection to a server.
   *
   * @param next the server that is tried in its place, if there is one left
   */
  failed(server: number, reason: string, next?: number): void {
    const { host, port } = this.#servers[server]!;
    const isKnown = reason === this.#failures.get(server);
    this.#failures.set(server, reason);
    const other = next === undefined ? undefined : this.#servers[next]!.host;
    const trying = other === undefined ? "trying on" : "trying {other}";
    log[isKnown ? "debug" : "warn"](
      `No connection to {host} port {port}: {reason}; ${trying}`,
      { host, port, reason, ...other === undefined ? {} : { other } },
    );
  }

  path(event: PathEvent): void {
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
        return log.info("Sending over {carrier} from now on: {reason}", values);
    }
  }

  woke(slept: number): void {
    log.info("Awake after {seconds} s of sleep: looking after the connection", {
      seconds: Math.round(slept / 1000),
    });
  }

  networkChanged(): void {
    log.debug("This machine's network changed: looking after the connection");
  }

  notWatching(reason: string): void {
    log.warn(
      "Cannot watch this machine's network: {reason}; that it changed shows by timeouts alone",
      { reason },
    );
  }

  /**
   * Why the client ends by itself.
   *
   * @param wanted the inner address that it asked for
   */
  gaveUp(event: ClientEvent & { type: "gave_up" }, wanted: number | undefined): Failure {
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
      case "unusable":
        return new Failure(
          this.#servers.length === 1
            ? `Cannot use the server ${host}: ${event.reason}`
            : `None of the servers can be used here; ${host} was the last: ${event.reason}`,
        );
      case "refused":
        return new Failure(
          `The server refused the address ${
            formatIpv4(wanted!)
          }: it is in use by another client, or not in the server's network: ask for another with ` +
            "-a, or leave -a out to be given one",
        );
    }
  }

  /** Another server, or one that forgot, may give another address. */
  #tellAddress(address: number): void {
    const before = this.#address;
    this.#address = address;
    if (before === undefined || before === address) return;
    log.warn("This machine was {before} before: connections from that address end", {
      before: formatIpv4(before),
    });
  }
}
