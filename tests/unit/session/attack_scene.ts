import { Segmenter } from "../../../lib/packet/segmentation.ts";
/** A server with its gatekeeper and clients, joined by wires that deliver when they are told to. */
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { Leases } from "../../../lib/address/leases.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { parseIpv6Prefix } from "../../../lib/address/ipv6_prefix.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { toBase64 } from "../../../lib/config/base64.ts";
import { type Peer, Registry } from "../../../lib/config/registry.ts";
import { MAX_RECORD } from "../../../lib/protocol/record.ts";
import { nodeCipher } from "../../../lib/protocol/node_cipher.ts";
import { type KeyPair, keyPairOf } from "../../../lib/protocol/x25519.ts";
import { Batches } from "../../../lib/session/batches.ts";
import { Client } from "../../../lib/session/client.ts";
import type { ClientEvent } from "../../../lib/session/client_event.ts";
import type { Connection } from "../../../lib/session/connection.ts";
import { Counters } from "../../../lib/session/counters.ts";
import { Announcements } from "../../../lib/session/announcements.ts";
import { Gatekeeper } from "../../../lib/session/gatekeeper.ts";
import type { Attempt } from "../../../lib/session/attempt.ts";
import { Introduction } from "../../../lib/session/introduction.ts";
import { MAX_CONNECTIONS, MAX_LEASES } from "../../../lib/session/limits.ts";
import type { ChannelContext } from "../../../lib/session/channel_context.ts";
import { Server } from "../../../lib/session/server.ts";
import type { ServerEvent } from "../../../lib/session/server_event.ts";
import type { StreamQuality, StreamTransport } from "../../../lib/session/transport.ts";

const SLOTS = 4;
const TIMING = { keepalive: 15_000, timeout: 60_000 };
const NETWORK = parseIpv4Prefix("10.0.0.0/24");
const NETWORK6 = parseIpv6Prefix("fd00::/64");

/** Keys that are the same in every run. */
export function testKey(seed: number): KeyPair {
  return keyPairOf(new Uint8Array(32).fill(seed));
}

export function testPeer(name: string, key: KeyPair, address: string, ...routes: string[]): Peer {
  return {
    name,
    publicKey: toBase64(key.publicKey),
    address: parseIpv4(address),
    routes: routes.map(parsePrefix),
    enabled: true,
    isolated: false,
    created: 0,
  };
}

/** One end of a wire: keeps what is sent until it is fetched. */
export class TestTransport implements StreamTransport {
  ended: "open" | "closed" | "reset" = "open";
  #sent: Uint8Array[] = [];

  /** What was sent since the last time, in one piece. */
  fetch(): Uint8Array {
    const bytes = Uint8Array.from(this.#sent.flatMap((unit) => [...unit]));
    this.#sent = [];
    return bytes;
  }

  readonly remote = "";
  readonly roundTrip = undefined;
  readonly unitLimit = Infinity;

  quality(): StreamQuality {
    return { segments: 0, repeats: 0, acknowledged: 0, isPending: false };
  }

  send(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#sent.push(bytes.slice(offset, offset + length));
    return true;
  }

  hasRoom(): boolean {
    return true;
  }

  mute(): void {}

  abort(): void {
    this.ended = "reset";
  }

  close(): void {
    if (this.ended === "open") this.ended = "closed";
  }
}

export class AttackScene {
  now = 1000;
  readonly serverKey: KeyPair = testKey(1);
  readonly events: ServerEvent[] = [];
  readonly server: Server;
  readonly gatekeeper: Gatekeeper;
  readonly context: ChannelContext;
  registry = new Registry();
  #random = 100;

  constructor({ classic = false } = {}) {
    this.context = {
      suite: nodeCipher,
      batches: new Batches(new Uint8Array(SLOTS * (MAX_RECORD + 64)), 0, SLOTS),
      counters: new Counters(),
      capabilities: 0,
      segmenter: new Segmenter(),
      clock: this,
    };
    const timestamps = new Map<string, number>();
    this.gatekeeper = new Gatekeeper(this.serverKey, {
      capabilities: 0,
      registry: () => this.registry,
      update: (change) => {
        this.registry = change(this.registry);
        return true;
      },
      freeAddress: () => undefined,
      isUsable: (address) => NETWORK.contains(address),
      timestamps,
      announcements: new Announcements(),
      randomKey: () => this.randomKey(),
      wallClock: () => this.now,
    });
    this.server = new Server(
      {
        publicKey: this.serverKey.publicKey,
        network: NETWORK,
        network6: NETWORK6,
        leases: new Leases(MAX_LEASES),
        timing: TIMING,
        maxConnections: MAX_CONNECTIONS,
        classic,
        isolate: false,
        push: { mtu: 1500, routes: [], dns: [], searchDomains: [] },
      },
      {
        toTun: () => {},
        report: (event) => this.events.push(event),
        hello: (id, message, carrier) =>
          this.server.answered(id, this.gatekeeper.hello(id, message, carrier), this.now),
        confirmed: (id) => this.server.judged(id, this.gatekeeper.confirmed(id)),
        rekey: (id, message) => this.server.rekeyed(id, this.gatekeeper.rekey(id, message)),
        announced: (id, networks) => {
          for (const judgement of this.gatekeeper.announced(id, networks)) {
            this.server.judged(judgement.connection, judgement.verdict);
          }
        },
        closed: (id) => this.gatekeeper.closed(id),
        randomKey: () => this.randomKey(),
      },
      this.context,
    );
  }

  randomKey(): Uint8Array {
    const key = new Uint8Array(32);
    new DataView(key.buffer).setUint32(0, this.#random++);
    return key;
  }

  /** Makes the registry another one, and tells the server, as after a change of its file. */
  change(registry: Registry): void {
    this.registry = registry;
    for (const { connection, verdict } of this.gatekeeper.reconsider()) {
      this.server.judged(connection, verdict);
    }
  }

  /** A connection to the server by which nothing has been sent. */
  connect(network = "192.0.2"): SceneConnection {
    const transport = new TestTransport();
    const origin = { host: `${network}.1`, network };
    return { transport, connection: this.server.connect(transport, origin, this.now)! };
  }

  /** Hands bytes to the server. */
  give({ connection }: SceneConnection, bytes: Uint8Array): void {
    connection.receive(bytes, 0, bytes.length, this.now);
    this.context.batches.flush();
  }

  /** A client that is about to connect, over `wire`; the body of an Announcement is what it sends. */
  client(key: KeyPair, wire: SceneConnection = this.connect(), body?: Uint8Array): SceneClient {
    return new SceneClient(this, key, wire, body);
  }
}

export interface SceneConnection {
  transport: TestTransport;
  connection: Connection;
}

export class SceneClient {
  readonly events: ClientEvent[] = [];
  readonly transport: TestTransport = new TestTransport();
  readonly wire: SceneConnection;
  readonly client: Client;
  /** What the client's main thread has not been told yet. */
  readonly tasks: (() => void)[] = [];
  readonly #scene: AttackScene;
  #session: Attempt | undefined;

  constructor(
    scene: AttackScene,
    key: KeyPair,
    wire: SceneConnection,
    announcement: Uint8Array | undefined,
  ) {
    this.#scene = scene;
    this.wire = wire;
    let timestamp = scene.now;
    const introduction = new Introduction(
      { identity: key, servers: [scene.serverKey.publicKey], capabilities: 0 },
      { timestamp: () => timestamp++, randomKey: () => scene.randomKey() },
    );
    const later = (task: () => void): void => void this.tasks.push(task);
    const options = { classic: false, servers: 1, carriers: ["tcp"] as const, timing: TIMING };
    this.client = new Client({ ...options, announcement }, {
      resolve: () => {},
      connect: (link) => this.#session = this.client.connected(link, this.transport, scene.now),
      abandon: () => {},
      requestHello: (link, server, session) =>
        later(() => this.client.hello(link, introduction.hello(link, server, session))),
      requestRekey: (link) =>
        later(() => this.client.rekeyInitiation(link, introduction.rekey(link))),
      complete: (link, message) =>
        later(() => {
          try {
            const { handshake } = introduction.complete(link, message);
            this.client.established(link, handshake, 0);
          } catch (error) {
            if ((error as Error).name !== "HandshakeError") throw error;
            this.client.refuted(link);
          }
        }),
      forget: (link) => later(() => introduction.forget(link)),
      toTun: () => {},
      report: (event) => this.events.push(event),
      random: () => 0,
    }, scene.context);
    this.client.advance(scene.now);
    this.client.resolved(1, ["server"], scene.now);
  }

  /** Lets the client's main thread do what waits. */
  think(): void {
    while (this.tasks.length > 0) this.tasks.shift()!();
    this.#scene.context.batches.flush();
  }

  /** Hands the client's bytes to the server. */
  toServer(): void {
    this.#scene.give(this.wire, this.transport.fetch());
  }

  /** Hands bytes to the client, those of the server if no others are given. */
  hear(bytes: Uint8Array = this.wire.transport.fetch()): void {
    this.#session!.receive(bytes, 0, bytes.length, this.#scene.now);
    this.#scene.context.batches.flush();
  }

  /** All of it, up to the server's Configuration. */
  join(): this {
    this.think();
    this.toServer();
    this.hear();
    this.think();
    this.toServer();
    this.hear();
    return this;
  }
}
