import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import { Pool } from "../lib/address/pool.ts";
import { Leases } from "../lib/address/leases.ts";
import type { Prefix } from "../lib/address/prefix.ts";
import type { Ipv4Prefix } from "../lib/address/ipv4_prefix.ts";
import type { Registry } from "../lib/config/registry.ts";
import { MAX_LIST } from "../lib/protocol/control.ts";
import type { KeyPair } from "../lib/protocol/x25519.ts";
import type { Announcements, Unallowed } from "../lib/session/announcements.ts";
import { type Answer, Gatekeeper, type Judgement } from "../lib/session/gatekeeper.ts";
import { randomKey } from "./identity.ts";
import { log } from "./logging.ts";
import { type GatekeeperMessage, revivePrefixes, type ServerMessage } from "./messages.ts";
import type { RegistryStore } from "./registry_store.ts";
import type { ServerStore } from "./server_store.ts";
import type { TimestampStore } from "./timestamp_store.ts";

/** What the packet worker tells of a connection. */
export type GuestMessage = Extract<ServerMessage, { connection: number }>;

export interface DoorOptions {
  /** The server's static key. */
  identity: KeyPair;
  network: Ipv4Prefix;
  /** What this end can take, as bits of Capability. */
  capabilities: number;
  announcements: Announcements;
  /** Whoever else follows the registry, with the networks that are in force, from the beginning on. */
  follow(registry: Registry): void;
  /** Told of what a peer announces and may not have. */
  notAllowed(unallowed: Unallowed): void;
}

/** The main thread's part of letting clients in: the gatekeeper, and what it decides by. */
export class Door {
  readonly #store: RegistryStore;
  readonly #timestamps: TimestampStore;
  readonly #gatekeeper: Gatekeeper;
  /** Says which addresses can be a peer's at all. */
  readonly #pool: Pool;
  readonly #network: Ipv4Prefix;
  readonly #post: (message: GatekeeperMessage) => void;
  readonly #options: Pick<DoorOptions, "announcements" | "follow" | "notAllowed">;

  /** @param post sends a message to the packet worker */
  constructor(
    { identity, network, capabilities, ...options }: DoorOptions,
    { registry: store, timestamps }: Pick<ServerStore, "registry" | "timestamps">,
    post: (message: GatekeeperMessage) => void,
  ) {
    this.#store = store;
    this.#timestamps = timestamps;
    this.#network = network;
    this.#pool = new Pool(network, Pool.serverAddress(network), new Leases(0));
    this.#post = post;
    this.#options = options;
    this.#gatekeeper = new Gatekeeper(identity, {
      registry: () => store.registry,
      update: (change) => {
        const done = this.#update(change);
        this.#follow();
        return done;
      },
      freeAddress: (registry) => this.#freeAddress(registry),
      isUsable: (address) => this.#pool.includes(address),
      timestamps: this.#timestamps,
      announcements: options.announcements,
      capabilities,
      randomKey,
      wallClock: Date.now,
    });
    this.#tellUnusable();
    this.#tellUntold();
    this.#follow();
  }

  /** Follows changes that other programs make to the registry, until `close()`. */
  watch(): Promise<void> {
    return this.#store.watch(() => {
      const known = new Set(this.#store.registry.peers.map(({ publicKey }) => publicKey));
      this.#timestamps.keep(known);
      this.#options.announcements.keep(known);
      this.#tellUnusable();
      this.#tellUntold();
      this.#follow();
      this.#reconsider();
    });
  }

  /** Takes a message of the packet worker. */
  receive(message: GuestMessage): void {
    const { connection } = message;
    switch (message.type) {
      case "hello":
        return this.#answer(
          "answered",
          connection,
          this.#gatekeeper.hello(connection, message.message, message.carrier),
        );
      case "rekey":
        return this.#answer(
          "rekeyed",
          connection,
          this.#gatekeeper.rekey(connection, message.message),
        );
      case "confirmed": {
        const before = this.#store.registry;
        const verdict = this.#gatekeeper.confirmed(connection);
        this.#post({ type: "judged", connection, verdict });
        // Who was enrolled just now may have networks behind it, which others are to be told of.
        return this.#store.registry === before ? undefined : this.#reconsider();
      }
      case "announced":
        return this.#announced(connection, revivePrefixes(message.networks));
      case "closed":
        return this.#gatekeeper.closed(connection);
    }
  }

  /** Follows nothing any more. */
  close(): void {
    this.#store.close();
  }

  #announced(connection: number, networks: Prefix[]): void {
    const inForce = (): Registry => this.#options.announcements.inForce(this.#store.registry);
    const before = inForce();
    this.#judge(this.#gatekeeper.announced(connection, networks));
    // Most connections bring nothing new, and to follow costs system calls.
    if (inForce() !== before) this.#follow();
  }

  #answer(
    type: "answered" | "rekeyed",
    connection: number,
    answer: Answer | undefined,
  ): void {
    this.#post({ type, connection, answer });
    // The message is a copy; these keys are not needed here any more.
    answer?.handshake.sendKey.fill(0);
    answer?.handshake.receiveKey.fill(0);
  }

  /** Tells clients what the registry says of them that it did not before. */
  #reconsider(): void {
    this.#judge(this.#gatekeeper.reconsider());
  }

  #judge(judgements: readonly Judgement[]): void {
    for (const judgement of judgements) this.#post({ type: "judged", ...judgement });
  }

  /** A full disk, or a file edited by hand into a contradiction, keeps one peer out and no other. */
  #update(change: (registry: Registry) => Registry): boolean {
    try {
      this.#store.update(change);
      return true;
    } catch (error) {
      log.error("Cannot change the registry of peers: {reason}", {
        reason: (error as Error).message,
      });
      return false;
    }
  }

  /** Has others follow what the registry says now. */
  #follow(): void {
    const { registry } = this.#store;
    const { announcements } = this.#options;
    this.#post({ type: "reserve", addresses: registry.reservedAddresses() });
    this.#options.follow(announcements.inForce(registry));
    for (const unallowed of announcements.untold(registry)) this.#options.notAllowed(unallowed);
  }

  /** The lowest that no peer has, so that a small network reads well. */
  #freeAddress(registry: Registry): number | undefined {
    const taken = new Set(registry.reservedAddresses());
    for (let address = this.#network.first + 1; address < this.#network.last; address++) {
      if (this.#pool.includes(address) && !taken.has(address)) return address;
    }
    return undefined;
  }

  #tellUntold(): void {
    const count = this.#store.registry.sharedNetworks;
    if (count <= MAX_LIST) return;
    log.warn(
      "There are {count} networks behind peers, and a client takes {most} routes: it is told of those " +
        "of the first peers",
      { count, most: MAX_LIST },
    );
  }

  #tellUnusable(): void {
    for (const { name, address } of this.#store.registry.peers) {
      if (address === undefined || this.#pool.includes(address)) continue;
      log.warn(
        "{name} has the address {address}, which is no client's in {network}, and will be refused: " +
          'give it another ("peers set {name} --address ADDRESS"), or start with another --network',
        { name, address: formatIpv4(address), network: this.#network.toString() },
      );
    }
  }
}
