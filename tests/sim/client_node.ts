import { formatIpv4, parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { Client, type ClientEvent } from "../../lib/session/client.ts";
import { Counters } from "../../lib/session/counters.ts";
import { CLIENT_TIMEOUT, KEEPALIVE_INTERVAL } from "../../lib/session/limits.ts";
import type { Network } from "./network.ts";
import { type Told, toldOf } from "./told.ts";
import type { Wire } from "./wire.ts";

export interface ClientNodeOptions {
  /** The address to ask for. */
  address?: string | undefined;
  /** The hosts that the server's name stands for, in order. */
  servers?: readonly string[];
}

/** What asking for the server's name comes to: undefined if it is found. */
export type ResolveFailure = { permanent: boolean } | undefined;

/** Milliseconds that it takes to find out what a name stands for. */
const RESOLVE_TIME = 5;

/** A machine with a client on it. */
export class ClientNode {
  readonly host: string;
  /** What the client handed to its TUN device. */
  readonly tun: Uint8Array[] = [];
  readonly events: Told<ClientEvent>[] = [];
  readonly counters = new Counters();
  /** Every connection that the client made, in order. */
  readonly wires: Wire[] = [];
  /** When the client asked for the server's name. */
  readonly resolves: number[] = [];
  resolveFailure: ResolveFailure;
  readonly #network: Network;
  readonly #servers: readonly string[];
  readonly #client: Client;
  #abandon = (): void => {};

  constructor(network: Network, host: string, options: ClientNodeOptions = {}) {
    const { address, servers = ["server"] } = options;
    this.host = host;
    this.#network = network;
    this.#servers = servers;
    this.#client = new Client(
      {
        address: address === undefined ? undefined : parseIpv4(address),
        keepalive: KEEPALIVE_INTERVAL,
        timeout: CLIENT_TIMEOUT,
      },
      {
        resolve: () => this.#resolve(),
        connect: (candidate) => this.#connect(this.#servers[candidate]!),
        abandon: () => this.#abandon(),
        toTun: (bytes, offset, length) => this.tun.push(bytes.slice(offset, offset + length)),
        report: (event) => this.events.push({ ...event, time: network.clock.now }),
        random: () => network.random.next(),
      },
      this.counters,
      network.clock.now,
    );
    network.clock.drive(this.#client);
  }

  get isUp(): boolean {
    return this.events.at(-1)?.type === "up";
  }

  /** The address that the client was given last, as text. */
  get address(): string {
    return formatIpv4(this.told("up").at(-1)!.address);
  }

  /** The latest connection. */
  get wire(): Wire {
    return this.wires.at(-1)!;
  }

  /** A packet comes from the TUN device. */
  send(packet: Uint8Array): void {
    this.#client.fromTun(packet, 0, packet.length, this.#network.clock.now);
  }

  /** Ends the client, which closes its connection. */
  stop(): void {
    this.#network.clock.forget(this.#client);
    this.#abandon();
  }

  /** The events of one type, in order. */
  told<Type extends ClientEvent["type"]>(type: Type): Told<ClientEvent & { type: Type }>[] {
    return toldOf(this.events, type);
  }

  #resolve(): void {
    const { clock } = this.#network;
    this.resolves.push(clock.now);
    clock.after(RESOLVE_TIME, () => {
      if (this.resolveFailure === undefined) {
        this.#client.resolved(this.#servers.length, clock.now);
      } else {
        this.#client.unresolved("no such name", this.resolveFailure.permanent, clock.now);
      }
    });
  }

  #connect(server: string): void {
    const { clock } = this.#network;
    this.#abandon = this.#network.connect(this.host, server, {
      connected: (wire) => {
        this.wires.push(wire);
        wire.client.attach(this.#client);
        this.#abandon = () => wire.client.close();
        this.#client.connected(wire.client, clock.now);
      },
      failed: (reason) => this.#client.disconnected(reason, clock.now),
    });
  }
}
