import { Leases } from "../../lib/address/leases.ts";
import { Pool } from "../../lib/address/pool.ts";
import type { Ipv4Prefix } from "../../lib/address/ipv4_prefix.ts";
import { Registry } from "../../lib/config/registry.ts";
import { type KeyPair, keyPairOf } from "../../lib/protocol/x25519.ts";
import { Announcements } from "../../lib/session/announcements.ts";
import { type Answer, Gatekeeper } from "../../lib/session/gatekeeper.ts";
import type { Server } from "../../lib/session/server.ts";
import type { ServerPorts } from "../../lib/session/server_ports.ts";
import { Mailbox, type ThreadDelay } from "./mailbox.ts";
import type { Network } from "./network.ts";

/**
 * The main thread of a server: a gatekeeper, with the files that outlast the server in its hands.
 * Messages between it and the server take their time.
 */
export class Doorkeeper implements ThreadDelay {
  /** @see {ThreadDelay} */
  delay: readonly [least: number, most: number] = [0, 20];
  readonly identity: KeyPair;
  /** The connections of which it knows. */
  readonly connections = new Set<number>();
  readonly #network: Network;
  readonly #prefix: Ipv4Prefix;
  readonly #pool: Pool;
  readonly #capabilities: number;
  readonly #timestamps = new Map<string, number>();
  #registry = new Registry();
  #gatekeeper: Gatekeeper;
  #server: () => Server = () => {
    throw new Error("The server is not there yet");
  };
  #toMain: Mailbox;
  #toWorker: Mailbox;

  /** @param capabilities what the server can take */
  constructor(network: Network, prefix: Ipv4Prefix, capabilities: number) {
    this.#capabilities = capabilities;
    this.#network = network;
    this.#prefix = prefix;
    this.#pool = new Pool(prefix, Pool.serverAddress(prefix), new Leases(0));
    this.identity = keyPairOf(network.random.bytes(32));
    this.#gatekeeper = this.#newGatekeeper();
    [this.#toMain, this.#toWorker] = this.#newMailboxes();
  }

  get registry(): Registry {
    return this.#registry;
  }

  /** Begins to work for a server that was just started; returns the server's ways to reach it. */
  serve(
    server: () => Server,
  ): Pick<ServerPorts, "hello" | "confirmed" | "rekey" | "announced" | "closed"> {
    this.#server = server;
    this.connections.clear();
    this.#gatekeeper = this.#newGatekeeper();
    const [toMain, toWorker] = [this.#toMain, this.#toWorker] = this.#newMailboxes();
    this.#reserve();
    return {
      hello: (connection, message, carrier) =>
        toMain.post(() => {
          this.connections.add(connection);
          const answer = copied(this.#gatekeeper.hello(connection, message, carrier));
          toWorker.post(() => server().answered(connection, answer, this.#network.clock.now));
        }),
      confirmed: (connection) =>
        toMain.post(() => {
          const verdict = this.#gatekeeper.confirmed(connection);
          toWorker.post(() => server().judged(connection, verdict));
        }),
      rekey: (connection, message) =>
        toMain.post(() => {
          const answer = copied(this.#gatekeeper.rekey(connection, message));
          toWorker.post(() => server().rekeyed(connection, answer));
        }),
      announced: (connection, networks) =>
        toMain.post(() => {
          for (const judgement of this.#gatekeeper.announced(connection, networks)) {
            toWorker.post(() => server().judged(judgement.connection, judgement.verdict));
          }
        }),
      closed: (connection) =>
        toMain.post(() => {
          this.connections.delete(connection);
          this.#gatekeeper.closed(connection);
        }),
    };
  }

  /** Somebody changes the registry; a server that runs is told what that means for its clients. */
  change(change: (registry: Registry) => Registry): void {
    this.#registry = change(this.#registry);
    this.#reserve();
    for (const { connection, verdict } of this.#gatekeeper.reconsider()) {
      this.#toWorker.post(() => this.#server().judged(connection, verdict));
    }
  }

  /** The main thread answers nothing until `resume()`. */
  pause(): void {
    this.#toMain.pause();
  }

  resume(): void {
    this.#toMain.resume();
  }

  /** The server ends. */
  close(): void {
    this.#toMain.close();
    this.#toWorker.close();
  }

  #newMailboxes(): [toMain: Mailbox, toWorker: Mailbox] {
    const { clock, random } = this.#network;
    return [new Mailbox(clock, random, this), new Mailbox(clock, random, this)];
  }

  #newGatekeeper(): Gatekeeper {
    return new Gatekeeper(this.identity, {
      registry: () => this.#registry,
      update: (change) => {
        this.#registry = change(this.#registry);
        this.#reserve();
        return true;
      },
      freeAddress: (registry) => this.#freeAddress(registry),
      isUsable: (address) => this.#pool.includes(address),
      timestamps: this.#timestamps,
      announcements: new Announcements(),
      capabilities: this.#capabilities,
      randomKey: () => this.#network.random.bytes(32),
      wallClock: () => this.#network.wallClock,
    });
  }

  #reserve(): void {
    const addresses = this.#registry.reservedAddresses();
    this.#toWorker.post(() => this.#server().reserve(addresses));
  }

  #freeAddress(registry: Registry): number | undefined {
    const taken = new Set(registry.reservedAddresses());
    const { first, last } = this.#prefix;
    for (let address = first + 1; address < last; address++) {
      if (this.#pool.includes(address) && !taken.has(address)) return address;
    }
    return undefined;
  }
}

/** As a message between threads: whoever zeroes his keys zeroes no others. */
function copied(answer: Answer | undefined): Answer | undefined {
  const copy = structuredClone(answer);
  answer?.handshake.sendKey.fill(0);
  answer?.handshake.receiveKey.fill(0);
  return copy;
}
