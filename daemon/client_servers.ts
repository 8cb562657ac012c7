import type { SocketAddress } from "../ffi/socket_address.ts";
import type { ServerReference } from "../lib/config/invite.ts";
import { inTurn } from "../lib/session/candidates.ts";
import { log } from "./logging.ts";
import { ServerAddresses } from "./server_addresses.ts";

/** Where a server is. */
export type ServerPlace = Pick<ServerReference, "host" | "port">;

/**
 * The addresses of a client's servers, which are told by their places in the list of them. The packet
 * worker tries those of one server at a time, and names them by their indices.
 */
export class ClientServers {
  readonly #servers: readonly ServerPlace[];
  /** Of each server. */
  readonly #addresses: readonly ServerAddresses[];
  /** What the worker was given last. */
  #candidates: readonly SocketAddress[] = [];
  /** Number of the latest question. */
  #question = 0;
  /** The address by which the client was connected to each server last. */
  readonly #last = new Map<number, SocketAddress>();

  constructor(servers: readonly ServerPlace[]) {
    this.#servers = servers;
    this.#addresses = servers.map(({ host, port }) => new ServerAddresses(host, port));
  }

  /**
   * Finds the addresses to try a server at, best first.
   *
   * @param question the number of the worker's question
   * @returns undefined if there is another question by now, whose answer the worker waits for
   * @throws {ResolveError}
   */
  async find(question: number, server: number): Promise<readonly SocketAddress[] | undefined> {
    this.#question = question;
    const found = await this.#addresses[server]!.find();
    if (question !== this.#question) return undefined;
    this.#candidates = inTurn(found, this.#last.get(server)?.toString());
    const { host } = this.#servers[server]!;
    log.debug("{host} is {addresses}", { host, addresses: this.#candidates.join(", ") });
    return this.#candidates;
  }

  /**
   * A connection came about by one of these addresses.
   *
   * @param candidate its index
   * @returns that one, then the others, by which the next connection may come about
   */
  connected(server: number, candidate: number): [SocketAddress, ...SocketAddress[]] {
    const address = this.#candidates[candidate]!;
    this.#last.set(server, address);
    this.#addresses[server]!.remember(this.#candidates);
    return [address, ...this.#candidates.filter((other) => other !== address)];
  }
}
