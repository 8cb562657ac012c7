import { assertEquals } from "@std/assert";
import { parseIpv4 } from "../../lib/address/ipv4_address.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import { Random } from "../random.ts";
import type { ClientNode } from "./client_node.ts";
import { ipv4Packet } from "./packets.ts";
import { PathChecks, pathsOf, SERVER, sourceOf } from "./path_checks.ts";
import { enrolled, secureWorld } from "./secure_scene.ts";
import type { ServerNode } from "./server_node.ts";
import type { Wire } from "./wire.ts";
import type { World } from "./world.ts";

/** Milliseconds after which everything is well again: silence, then the longest pause, stretched. */
const RECOVERY = 600_000;

/** What each client may go over. The last two are two machines with one key. */
const CARRIERS: readonly (readonly Carrier[])[] = [
  ["tcp", "udp"],
  ["tcp", "udp"],
  ["udp"],
  ["tcp"],
  ["tcp", "udp"],
  ["tcp", "udp"],
];
const TWIN = CARRIERS.length - 1;

/**
 * A server with clients that come over TCP, over UDP or over both, and all that can go wrong with either
 * at random. What comes of it is checked all along.
 */
export class PathChaos {
  readonly world: World;
  readonly server: ServerNode;
  readonly clients: ClientNode[];
  readonly #random: Random;
  readonly #checks: PathChecks;
  /** Whose datagrams vanish, from them and to them. */
  readonly #mute = new Set<string>();
  readonly #deaf = new Set<string>();
  readonly #mishaps: readonly (() => void)[];
  #addresses = 100;
  #isRunning = true;

  constructor(seed: number) {
    const maxConnections = 2 * CARRIERS.length + 2;
    const { world, server } = secureWorld(seed, { maxConnections });
    const names = CARRIERS.map((_, i) => nameOf(i));
    const keys = new Map([...new Set(names)].map((name) => [name, enrolled(world, server, name)]));
    this.world = world;
    this.server = server;
    this.clients = CARRIERS.map((carriers, i) =>
      world.startClient({ credentials: { ...keys.get(names[i]!)! }, carriers })
    );
    world.network.datagrams.blocks = (from, to) =>
      this.#mute.has(hostOf(from)) || this.#deaf.has(hostOf(to));
    this.#random = world.random;
    this.#checks = new PathChecks(world, server, this.clients, names);
    this.#mishaps = weighted([
      [20, () => this.#talk()],
      [4, () => this.#anyWire()?.break()],
      [4, () => this.#anyWire()?.silence()],
      [3, () => this.#anyWire()?.stall(this.#upTo(20_000))],
      [3, () => this.#loseSegments()],
      [3, () => this.#blockUdp([this.#mute, this.#deaf])],
      [2, () => this.#blockUdp([this.#mute])],
      [2, () => this.#blockUdp([this.#deaf])],
      [3, () => this.#blockTcp()],
      [3, () => this.#spoilDatagrams()],
      [3, () => this.#move()],
      [2, () => this.#disable()],
      [2, () => this.#readdress()],
      [1, () => this.#swapAddresses()],
      [2, () => this.#pauseThread()],
      [2, () => this.#restart()],
    ]);
  }

  /** Lets a number of mishaps happen, at random moments. */
  run(mishaps: number): void {
    for (let i = 0; i < mishaps; i++) {
      this.#random.pick(this.#mishaps)();
      this.world.clock.run(this.#upTo(this.#random.pick([200, 6_000])));
      this.#checks.run();
    }
  }

  /** Ends one of the twins, and lets the others recover: what was put wrong ends by itself. */
  heal(): void {
    this.clients.pop()!.stop();
    this.world.clock.run(RECOVERY);
    this.#checks.run();
  }

  /** Fails if a client has not all the paths that it may have, or the server knows of others. */
  checkPaths(): void {
    for (const [i, client] of this.clients.entries()) {
      assertEquals(pathsOf(client), new Set(CARRIERS[i]!));
      assertEquals(client.introducer!.links.size, CARRIERS[i]!.length);
    }
    const paths = this.clients.flatMap((_, i) => CARRIERS[i]!);
    assertEquals(this.server.door.connections.size, paths.length);
  }

  /** Fails if a packet from anybody to anybody gets lost or astray. */
  checkTraffic(): void {
    this.#talk();
    this.world.settle();
    const addresses = this.clients.map(({ address }) => address).sort();
    assertEquals(this.server.tun.map(sourceOf).sort(), addresses);
    for (const { tun, address } of this.clients) {
      const others = [SERVER, ...addresses].filter((it) => it !== address);
      assertEquals(tun.map(sourceOf).sort(), others);
    }
  }

  /** Everybody who is connected sends a packet to everybody. */
  #talk(): void {
    const up = [...this.clients.entries()].filter(([_, { isUp }]) => isUp);
    const addresses = up.map(([_, { address }]) => address);
    for (const [i, client] of up) {
      for (const to of [SERVER, ...addresses]) {
        if (to !== client.address) client.send(ipv4Packet(client.address, to, Uint8Array.of(i)));
      }
    }
    const payload = Uint8Array.of(CARRIERS.length);
    for (const to of new Set(addresses)) this.server.send(ipv4Packet(SERVER, to, payload));
  }

  /** TCP has to repeat some of what one end sends, for a while in which there is something to send. */
  #loseSegments(): void {
    const wire = this.#anyWire();
    if (wire === undefined) return;
    const end = this.#random.pick([wire.client, wire.server]);
    for (let i = 0; i < 400; i++) {
      this.world.clock.after(20 * i, () => {
        if (i % 20 === 0) end.repeats++;
        if (i % 4 === 0) this.#talk();
      });
    }
  }

  #blockUdp(directions: readonly Set<string>[]): void {
    const { host } = this.#anyClient();
    for (const direction of directions) direction.add(host);
    this.#later(90_000, () => {
      for (const direction of directions) direction.delete(host);
    });
  }

  #blockTcp(): void {
    const client = this.#anyClient();
    this.world.network.block(client.host);
    if (this.#random.next() < 0.5) client.wires.at(-1)?.silence();
    this.#later(90_000, () => this.world.network.unblock(client.host));
  }

  #spoilDatagrams(): void {
    const { datagrams } = this.world.network;
    [datagrams.loss, datagrams.doubling] = [0.6 * this.#random.next(), 0.3 * this.#random.next()];
    this.#later(30_000, () => datagrams.loss = datagrams.doubling = 0);
  }

  /** A NAT forgets where somebody's datagrams come from. */
  #move(): void {
    const client = this.#anyClient();
    if (pathsOf(client).has("udp")) client.move(this.world.newHost());
  }

  #disable(): void {
    const name = this.#anyName();
    this.server.door.change((registry) => registry.changePeer(name, { enabled: false }));
    this.#later(10_000, () => {
      this.server.door.change((registry) => registry.changePeer(name, { enabled: true }));
    });
  }

  #readdress(): void {
    const address = parseIpv4(`10.0.0.${++this.#addresses}`);
    this.server.door.change((registry) => registry.changePeer(this.#anyName(), { address }));
  }

  #swapAddresses(): void {
    const { door } = this.server;
    const peers = [this.#anyName(), this.#anyName()].map((name) => door.registry.peerByName(name)!);
    const [one, other] = peers.map(({ address }) => address);
    if (one === undefined || other === undefined || one === other) return;
    const free = parseIpv4(`10.0.0.${++this.#addresses}`);
    const names = peers.map(({ name }) => name);
    door.change((registry) =>
      registry.changePeer(names[0]!, { address: free }).changePeer(names[1]!, { address: one })
        .changePeer(names[0]!, { address: other })
    );
  }

  #pauseThread(): void {
    const thread = this.#random.pick([this.server.door, this.#anyClient().introducer!]);
    thread.pause();
    this.#later(8_000, () => thread.resume());
  }

  #restart(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    if (this.#random.next() < 0.5) this.server.powerCut();
    else this.server.stop();
    this.#later(20_000, () => {
      this.server.start();
      this.#isRunning = true;
    });
  }

  #later(most: number, act: () => void): void {
    this.world.clock.after(this.#upTo(most), act);
  }

  #anyClient(): ClientNode {
    return this.#random.pick(this.clients);
  }

  #anyName(): string {
    return nameOf(this.#random.integer(0, TWIN));
  }

  #anyWire(): Wire | undefined {
    return this.#anyClient().wires.at(-1);
  }

  #upTo(most: number): number {
    return this.#random.integer(0, most);
  }
}

/** Twins have one name. */
function nameOf(client: number): string {
  return `client${Math.min(client, TWIN - 1)}`;
}

function hostOf(address: string): string {
  return address.split(":")[0]!;
}

function weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T[] {
  return choices.flatMap(([weight, choice]) => Array(weight).fill(choice));
}
