import { assert, assertEquals } from "@std/assert";
import { formatIpv4 } from "../../lib/address/ipv4_address.ts";
import { ipVersion, readUint32 } from "../../lib/packet/ipv4.ts";
import type { Connection } from "../../lib/session/connection.ts";
import type { ClientNode } from "./client_node.ts";
import { DYNAMIC_REQUEST, ipv4Packet, KEEPALIVE, reply, staticRequest } from "./packets.ts";
import { Puppet } from "./puppet.ts";
import { classicAddress, type ServerNode, type ServerNodeOptions } from "./server_node.ts";
import { World } from "./world.ts";

/** First byte of the payload of a packet that must not arrive anywhere. */
const FORBIDDEN = 0xff;
const DESTINATION = 16;
const PAYLOAD = 20;

/** Milliseconds after which everything must be well again: silence, reclaim time, longest pause. */
const RECOVERY = 200_000;

/**
 * A server with clients, and all that can go wrong at random: connections break, fall silent or
 * stall, hosts are cut off, the server restarts, and strangers talk rubbish. The server's work is
 * checked unit by unit while it goes on.
 */
export class Chaos {
  readonly world: World;
  readonly server: ServerNode;
  readonly clients: ClientNode[];
  readonly #puppets: Puppet[] = [];
  /** By how likely they are. */
  readonly #mishaps: readonly [weight: number, mishap: () => void][] = [
    [30, () => this.#talk()],
    [10, () => this.#spoof()],
    [10, () => this.#intrude()],
    [4, () => this.#anyClient().wire.break()],
    [4, () => this.#anyClient().wire.silence()],
    [4, () => this.#anyClient().wire.stall(this.#upTo(40_000))],
    [2, () => this.#cutOff(this.#anyClient().host)],
    [2, () => this.#loseName(this.#anyClient())],
    [1, () => this.#restart()],
  ];
  #isRunning = true;

  /** @param addresses what each client asks for; every fourth client is on the same host */
  constructor(
    seed: number,
    options: ServerNodeOptions,
    addresses: readonly (string | undefined)[],
  ) {
    this.world = new World(seed);
    this.server = this.world.startServer(options);
    this.server.inspect = (...seen) => this.#inspect(...seen);
    this.clients = addresses.map((address, i) =>
      this.world.connectClient({ address }, i % 4 === 3 ? "192.0.2.1" : undefined)
    );
  }

  /** Lets a number of mishaps happen, at random moments. */
  run(mishaps: number): void {
    for (let i = 0; i < mishaps; i++) {
      this.#mishap()();
      this.world.clock.run(this.#upTo(4000));
      this.#checkServer();
    }
  }

  /** Puts everything right, and lets it recover. */
  heal(): void {
    if (!this.#isRunning) this.server.start();
    this.#isRunning = true;
    for (const puppet of this.#puppets) puppet.close();
    for (const client of this.clients) this.#help(client);
    this.world.clock.run(RECOVERY);
    this.#checkServer();
  }

  /** Everything that happened, as text. */
  trace(): string {
    const { server, clients } = this;
    return JSON.stringify([server, ...clients].map(({ events, tun }) => [events, tun.map(hash)]));
  }

  /** Addresses that can still be given, found out by taking them all. */
  drain(): number {
    for (let given = 0;; given++) {
      const puppet = this.world.connectPuppet();
      puppet.send(DYNAMIC_REQUEST);
      this.world.clock.waitUntil(() => puppet.isClosed || puppet.packets.length > 0);
      if (puppet.isClosed) return given;
    }
  }

  /** Fails if anything wrong was handed to a client's TUN device. */
  checkClients(): void {
    for (const client of this.clients) {
      const addresses = client.told("up").map(({ address }) => address);
      for (const packet of client.tun) {
        assert(addresses.includes(readUint32(packet, DESTINATION)), "a packet is for its receiver");
        assert(packet[PAYLOAD] !== FORBIDDEN, "a packet has the address of its sender");
      }
    }
    assert(this.server.tun.every((packet) => packet[PAYLOAD] !== FORBIDDEN));
  }

  /** Fails if the server's clients and the addresses that they have do not fit together. */
  #checkServer(): void {
    const addresses = this.server.classicAddresses;
    assertEquals(new Set(addresses), this.server.held);
    assertEquals(addresses.length, this.server.held.size, "no address has two owners");
  }

  /** Fails if a unit goes where it does not belong, or comes from somebody who may not send it. */
  #inspect(unit: Uint8Array, from?: Connection, to?: Connection): void {
    assertEquals(ipVersion(unit, 0), 4);
    const [source, destination] = [readUint32(unit, 12), readUint32(unit, DESTINATION)];
    if (unit.length === 20) {
      assert(from === to, "only who sent a control packet is answered");
      const address = classicAddress(to);
      const answer = address === undefined ? KEEPALIVE : reply(formatIpv4(address));
      assert(same(unit, KEEPALIVE) || same(unit, answer));
      return;
    }
    if (from !== undefined) {
      assertEquals(source, classicAddress(from), "a packet has its sender's address");
    }
    if (to !== undefined) {
      assertEquals(destination, classicAddress(to), "a packet is for its receiver");
    } else {
      assert(!this.server.held.has(destination), "a client's packets go to the client");
    }
  }

  #mishap(): () => void {
    const total = this.#mishaps.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.world.random.next() * total;
    return this.#mishaps.find(([weight]) => (at -= weight) < 0)![1];
  }

  /** Everybody who is connected sends packets to this and that. */
  #talk(): void {
    for (const client of this.clients) {
      if (client.isUp) client.send(ipv4Packet(client.address, this.#anyAddress(), this.#payload()));
      this.server.send(ipv4Packet("10.0.0.1", this.#anyAddress(), this.#payload()));
    }
  }

  /** A client's machine sends packets with the addresses of others. */
  #spoof(): void {
    const client = this.#anyClient();
    const source = this.#anyAddress();
    if (client.isUp && source === client.address) return;
    const payload = this.#payload().fill(FORBIDDEN);
    client.send(ipv4Packet(source, this.#anyAddress(), payload));
  }

  /** A stranger connects and says something, and perhaps stays. */
  #intrude(): void {
    const { network, random } = this.world;
    network.connect(`203.0.113.${random.integer(1, 20)}`, "server", {
      connected: (wire) => {
        const puppet = new Puppet(wire.client);
        for (let i = random.integer(0, 4); i > 0; i--) puppet.send(this.#anyUnit());
        if (random.next() < 0.3) puppet.close();
        this.#puppets.push(puppet);
      },
      failed: () => {},
    });
  }

  #cutOff(host: string): void {
    const { network, clock } = this.world;
    network.block(host);
    for (const client of this.clients) if (client.host === host) client.wire.silence();
    clock.after(this.#upTo(90_000), () => network.unblock(host));
  }

  #loseName(client: ClientNode): void {
    client.resolveFailure = { permanent: this.world.random.next() < 0.5 };
    this.world.clock.after(this.#upTo(60_000), () => client.resolveFailure = undefined);
  }

  #restart(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    if (this.world.random.next() < 0.5) this.server.powerCut();
    else this.server.stop();
    this.world.clock.after(this.#upTo(20_000), () => {
      if (!this.#isRunning) this.server.start();
      this.#isRunning = true;
    });
  }

  #help(client: ClientNode): void {
    this.world.network.unblock(client.host);
    client.resolveFailure = undefined;
  }

  #anyClient(): ClientNode {
    return this.clients[this.world.random.integer(0, this.clients.length - 1)]!;
  }

  /** Somebody's address most often. */
  #anyAddress(): string {
    const { random } = this.world;
    if (random.next() < 0.7) return this.#anyClient().address;
    const rare = ["10.0.0.1", "10.0.0.0", "10.0.0.255", "10.0.0.31", "192.0.2.1", "224.0.0.1"];
    return rare[random.integer(0, 9)] ?? `10.0.0.${random.integer(0, 255)}`;
  }

  /** What a stranger might say: sense, or not. */
  #anyUnit(): Uint8Array {
    const { random } = this.world;
    switch (random.integer(0, 6)) {
      case 0:
        return DYNAMIC_REQUEST;
      case 1:
        return staticRequest(this.#anyAddress());
      case 2:
        return KEEPALIVE;
      case 3:
        return random.bytes(random.integer(1, 100));
      case 4:
        return ipv4Packet(this.#anyAddress(), this.#anyAddress()).subarray(0, 25);
      default:
        return ipv4Packet(this.#anyAddress(), this.#anyAddress(), this.#payload());
    }
  }

  /** Never empty, so that no packet looks like a control packet. */
  #payload(): Uint8Array {
    const { random } = this.world;
    return new Uint8Array(random.integer(1, 1480)).fill(random.integer(0, FORBIDDEN - 1));
  }

  #upTo(most: number): number {
    return this.world.random.integer(0, most);
  }
}

function same(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && first.every((byte, i) => byte === second[i]);
}

function hash(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0);
}
