import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import { Pool } from "../lib/address/pool.ts";
import { Leases } from "../lib/address/leases.ts";
import type { Ipv4Prefix } from "../lib/address/ipv4_prefix.ts";
import type { Registry } from "../lib/config/registry.ts";
import { MAX_LIST } from "../lib/protocol/control.ts";
import type { KeyPair } from "../lib/protocol/x25519.ts";
import { type Answer, Gatekeeper } from "../lib/session/gatekeeper.ts";
import { randomKey } from "./identity.ts";
import { log } from "./logging.ts";
import type { GatekeeperMessage, ServerMessage } from "./messages.ts";
import type { RegistryStore } from "./registry_store.ts";
import { TimestampStore } from "./timestamp_store.ts";

/** What the packet worker tells of a connection. */
export type GuestMessage = Extract<ServerMessage, { connection: number }>;

export interface DoorOptions {
  /** The server's static key. */
  identity: KeyPair;
  /** The server's state folder. */
  folder: string;
  network: Ipv4Prefix;
  /** What this end can take, as bits of Capability. */
  capabilities: number;
  /** Whoever else follows the registry, from the beginning on. */
  follow(registry: Registry): void;
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
  readonly #followElsewhere: (registry: Registry) => void;

  /** @param post sends a message to the packet worker */
  constructor(
    { identity, folder, network, capabilities, follow }: DoorOptions,
    store: RegistryStore,
    post: (message: GatekeeperMessage) => void,
  ) {
    this.#store = store;
    this.#timestamps = new TimestampStore(folder);
    this.#network = network;
    this.#pool = new Pool(network, Pool.serverAddress(network), new Leases(0));
    this.#post = post;
    this.#followElsewhere = follow;
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
      case "closed":
        return this.#gatekeeper.closed(connection);
    }
  }

  /** Writes what is not written yet. */
  close(): void {
    this.#store.close();
    this.#timestamps.close();
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
    for (const { connection, verdict } of this.#gatekeeper.reconsider()) {
      this.#post({ type: "judged", connection, verdict });
    }
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
    this.#post({ type: "reserve", addresses: registry.reservedAddresses() });
    this.#followElsewhere(registry);
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
