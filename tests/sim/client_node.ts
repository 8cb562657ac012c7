import { WHOLE } from "../../lib/packet/offload.ts";
import { Segmenter } from "../../lib/packet/segmentation.ts";
import { formatIpv4, parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { parsePrefix } from "../../lib/address/prefix.ts";
import { writeAnnouncement } from "../../lib/protocol/announcement.ts";
import type { Configuration } from "../../lib/protocol/control.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import { nodeCipher } from "../../lib/protocol/node_cipher.ts";
import { Batches } from "../../lib/session/batches.ts";
import { inTurn } from "../../lib/session/candidates.ts";
import { Client } from "../../lib/session/client.ts";
import type { ClientEvent } from "../../lib/session/client_event.ts";
import { Counters } from "../../lib/session/counters.ts";
import {
  CLASSIC_KEEPALIVE_INTERVAL,
  CLIENT_TIMEOUT,
  DATAGRAM_MOST,
} from "../../lib/session/limits.ts";
import type { ClientReport } from "../../lib/session/report.ts";
import { type Credentials, Introducer, type MainThreadPorts } from "./introducer.ts";
import type { Network } from "./network.ts";
import { type Told, toldOf } from "./told.ts";
import { DatagramPath, type DatagramSession } from "./datagrams.ts";
import type { Wire } from "./wire.ts";

export interface ClientNodeOptions {
  /** The address to ask for. */
  address?: string | undefined;
  /** The hosts that the server's name stands for, best first; one with a colon in it is an IPv6 one. */
  servers?: readonly string[];
  /** The same for each further server in its list. */
  others?: readonly (readonly string[])[];
  /** Of a secure client; one without is a classic one. */
  credentials?: Credentials;
  /** What a secure client goes over, the best first; TCP alone by default. */
  carriers?: readonly Carrier[];
  /** What a secure client can take, as bits of Capability; none by default. */
  capabilities?: number;
  /** Networks that a secure client announces; none by default. */
  announce?: readonly string[];
}

/** What asking for the server's name comes to: undefined if it is found. */
export type ResolveFailure = { permanent: boolean } | undefined;

/** Milliseconds that it takes to find out what a name stands for. */
const RESOLVE_TIME = 5;

/** As a client has them. */
const BATCHES = 2;

/** Events that leave a client as connected as it was. */
const WHILE_UP: readonly ClientEvent["type"][] = [
  "changed",
  "path_up",
  "path_down",
  "path_failed",
  "moved",
];

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
  /** The servers whose names do not exist, by their places in the list. */
  readonly nameless = new Set<number>();
  /** The main thread's part of a secure client. */
  readonly introducer: Introducer | undefined;
  /** Over UDP, the longest datagram that this machine believes to pass. */
  longest = DATAGRAM_MOST;
  /** Sees to each connection before anything is sent over it. */
  prepare: (wire: Wire) => void = () => {};
  /** The host by which the client was connected last. */
  server: string | undefined;
  readonly #network: Network;
  /** The hosts of each server. */
  readonly #servers: readonly (readonly string[])[];
  readonly #batches = new Batches(new Uint8Array(BATCHES * Batches.SLOT), 0, BATCHES);
  readonly #client: Client;
  /** Ends what was begun, by the numbers of links. */
  readonly #abandons = new Map<number, () => void>();
  /** The hosts in the order in which they are tried. */
  #candidates: string[] = [];
  /** Over UDP, the way to the server. */
  #path: DatagramPath | undefined;
  /** Whom the datagrams are for that come that way. */
  #session: DatagramSession | undefined;
  #port = 40_000;

  constructor(network: Network, host: string, options: ClientNodeOptions = {}) {
    const { address, servers = ["server"], others = [], credentials, capabilities = 0 } = options;
    const { clock } = network;
    this.host = host;
    this.#network = network;
    this.#servers = [servers, ...others];
    const wanted = address === undefined ? undefined : parseIpv4(address);
    this.introducer = credentials &&
      new Introducer(network, { address: wanted, ...credentials }, capabilities);
    this.#client = new Client(
      {
        classic: credentials === undefined,
        servers: this.#servers.length,
        carriers: options.carriers ?? ["tcp"],
        address: wanted,
        announcement: writeAnnouncement((options.announce ?? []).map(parsePrefix)),
        timing: { keepalive: CLASSIC_KEEPALIVE_INTERVAL, timeout: CLIENT_TIMEOUT },
      },
      {
        resolve: (question, server) => this.#resolve(question, server),
        connect: (link, candidate, carrier) =>
          this.#connect(link, this.#candidates[candidate]!, carrier),
        abandon: (link) => this.#abandons.get(link)!(),
        toTun: (bytes, offset, length) => this.tun.push(bytes.slice(offset, offset + length)),
        report: (event) => this.#report(event),
        random: () => network.random.next(),
        ...(this.introducer?.ports(() => this.#client) ?? NO_HANDSHAKES),
      },
      {
        suite: nodeCipher,
        batches: this.#batches,
        counters: this.counters,
        capabilities,
        segmenter: new Segmenter(),
        clock,
      },
    );
    clock.drive(this);
  }

  /** When the client has something to do at the earliest. */
  get deadline(): number {
    return this.#client.deadline;
  }

  get isUp(): boolean {
    const told = this.events.filter(({ type }) => !WHILE_UP.includes(type));
    return told.at(-1)?.type === "up";
  }

  /** What the client sends over. */
  get carrier(): Carrier {
    return this.events.flatMap((event) =>
      event.type === "up" || event.type === "moved" ? [event.carrier] : []
    ).at(-1)!;
  }

  /** Of the client's interface. */
  get mtu(): number {
    return this.events.flatMap((event) => "mtu" in event ? [event.mtu] : []).at(-1)!;
  }

  /** The address that the client was given last, as text. */
  get address(): string {
    const { configuration } = this;
    return formatIpv4(configuration?.address.address ?? this.told("up").at(-1)!.address);
  }

  /** What the server told the client last, if that was more than an address. */
  get configuration(): Configuration | undefined {
    return this.events.flatMap((event) => "configuration" in event ? [event.configuration] : [])
      .at(-1);
  }

  /** The latest connection. */
  get wire(): Wire {
    return this.wires.at(-1)!;
  }

  /** Over UDP, the client's outer address, and its port. */
  get outerAddress(): string {
    return this.#path!.from;
  }

  /** The machine woke up, or its network is another one. */
  networkChanged(): void {
    this.#client.networkChanged(this.#network.clock.now);
  }

  /** This machine cannot be in the network of this server. */
  unusable(server: number): void {
    this.#client.unusable(server, "it clashes", this.#network.clock.now);
  }

  /** Somebody tells the client to go back to the first of its servers. */
  reconnect(): void {
    this.#client.reconnect(this.#network.clock.now);
  }

  /** The client is somewhere else from now on: what it sends comes from another address. */
  move(host: string): void {
    this.#network.datagrams.unbind(this.#path!.from);
    this.#path!.from = `${host}:${++this.#port}`;
    this.#network.datagrams.bind(this.#path!.from, this.#session!);
  }

  advance(now: number): void {
    this.#client.advance(now);
  }

  /** How its connections fare. */
  report(): ClientReport {
    return this.#client.report(this.#network.clock.now);
  }

  endTurn(): void {
    this.#batches.flush();
  }

  /** A packet comes from the TUN device. */
  send(packet: Uint8Array): void {
    this.#client.fromTun(packet, 0, packet.length, WHOLE);
  }

  /** Ends the client, which closes its connection. */
  stop(): void {
    this.#network.clock.forget(this);
    this.#client.close();
    this.introducer?.close();
  }

  /** The events of one type, in order. */
  told<Type extends ClientEvent["type"]>(type: Type): Told<ClientEvent & { type: Type }>[] {
    return toldOf(this.events, type);
  }

  #report(event: ClientEvent): void {
    if (event.type === "up") {
      this.server = this.#candidates[event.candidate];
      this.introducer?.connected(event.server);
    }
    this.events.push({ ...event, time: this.#network.clock.now });
  }

  #resolve(question: number, server: number): void {
    const { clock } = this.#network;
    this.resolves.push(clock.now);
    clock.after(RESOLVE_TIME, () => {
      const failure = this.nameless.has(server) ? { permanent: true } : this.resolveFailure;
      if (failure === undefined) {
        this.#candidates = this.#inTurn(this.#servers[server]!);
        this.#client.resolved(question, this.#candidates, clock.now);
      } else {
        this.#client.unresolved(question, "no such name", failure.permanent, clock.now);
      }
    });
  }

  /** As the daemon does it. */
  #inTurn(names: readonly string[]): string[] {
    const hosts = names.map((host) => ({
      family: host.includes(":") ? 6 : 4,
      toString: () => host,
    }));
    return inTurn(hosts, this.server).map(String);
  }

  #connect(link: number, server: string, carrier: Carrier): void {
    if (carrier === "udp") return this.#openPath(link, server);
    const { clock } = this.#network;
    const abandon = this.#network.connect(this.host, server, {
      connected: (wire) => {
        this.wires.push(wire);
        this.prepare(wire);
        wire.client.attach(this.#client.connected(link, wire.client, clock.now));
      },
      failed: (reason) => this.#client.failed(link, reason, clock.now),
    });
    this.#abandons.set(link, abandon);
  }

  #openPath(link: number, server: string): void {
    const { datagrams, clock } = this.#network;
    const path = this.#path = new DatagramPath(datagrams, `${this.host}:${++this.#port}`, server);
    path.longest = this.longest;
    this.#session = this.#client.connected(link, path, clock.now);
    datagrams.bind(path.from, this.#session);
  }
}

/** Of a classic client. */
const NO_HANDSHAKES: MainThreadPorts = {
  requestHello: unexpected,
  requestRekey: unexpected,
  complete: unexpected,
  forget: unexpected,
};

function unexpected(): never {
  throw new Error("A classic client has no handshakes");
}
