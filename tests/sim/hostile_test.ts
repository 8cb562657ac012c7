import { assert, assertEquals, assertMatch } from "@std/assert";
import { DropReason } from "../../lib/session/counters.ts";
import { Random } from "../random.ts";
import {
  control,
  DYNAMIC_REQUEST,
  ipv4Packet,
  KEEPALIVE,
  reply,
  staticRequest,
  summaries,
} from "./packets.ts";
import type { Puppet } from "./puppet.ts";
import { askPuppet } from "./scenes.ts";
import { World } from "./world.ts";

/** A control packet between ordinary addresses, which means nothing to anybody. */
const UNKNOWN = control("10.0.0.7", "10.0.0.8");

/** What another kind of server says, with which no packet can start. */
const RUBBISH = new TextEncoder().encode("SSH-2.0-OpenSSH_9.9\r\n");

for (
  const [what, rubbish] of [
    ["words", RUBBISH],
    ["a header that is too short", Uint8Array.of(0x44, 0, 0, 40)],
    ["a packet shorter than its header", Uint8Array.of(0x46, 0, 0, 20)],
    ["zeros", new Uint8Array(64)],
  ] as const
) {
  Deno.test(`a server closes the connection that sends ${what}, and no other`, () => {
    const world = new World();
    const server = world.startServer();
    const other = world.connectClient({ address: "10.0.0.8" });
    const puppet = world.joinPuppet("10.0.0.7");
    const packet = ipv4Packet("10.0.0.7", "10.0.0.8");
    puppet.send(packet, packet, rubbish, packet, KEEPALIVE);
    world.settle();
    assertEquals([puppet.isClosed, puppet.packets], [true, []]);
    assertEquals(other.tun, [packet, packet]);
    assertEquals(server.counters.read().drops, { malformed: 1 });
    assertEquals(server.told("left").length, 1);
    assertMatch(server.told("left")[0]!.reason, /not an IP packet/);
    assertEquals([other.isUp, other.events.length, server.connections.length], [true, 1, 1]);
  });
}

Deno.test("a server survives random bytes from many connections, and serves its clients", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient({ address: "10.0.0.7" });
  const random = new Random(5);
  const puppets = Array.from({ length: 100 }, () => world.connectPuppet());
  for (const puppet of puppets) puppet.send(random.bytes(random.integer(1, 3000)));
  world.clock.run(70_000);
  assert(puppets.every(({ isClosed }) => isClosed));
  assertEquals([client.events.length, server.connections.length], [1, 1]);
  server.send(ipv4Packet("10.0.0.1", "10.0.0.7"));
  world.settle();
  assertEquals(client.tun.length, 1);
});

Deno.test("a client connects anew when the server sends rubbish", () => {
  const { world, client, server } = askPuppet();
  const first = server.puppets[0]!;
  first.send(reply("10.0.0.7"), ipv4Packet("10.0.0.1", "10.0.0.7"), RUBBISH, reply("10.0.0.7"));
  world.clock.waitUntil(() => server.puppets.length === 2);
  assertEquals(client.events.map(({ type }) => type), ["up", "down"]);
  assertMatch(client.told("down")[0]!.reason, /is it a simplevpn server/);
  assertEquals([client.tun.length, client.counters.read().drops], [1, { malformed: 1 }]);
  assert(first.isClosed);
  server.puppets[1]!.send(reply("10.0.0.7"));
  world.clock.waitUntil(() => client.isUp);
});

Deno.test("a client tries again when what answers is no simplevpn server", () => {
  const { world, client, server } = askPuppet();
  server.puppets[0]!.send(RUBBISH);
  world.clock.waitUntil(() => server.puppets.length === 2);
  assertEquals(client.events.map(({ type }) => type), ["failed"]);
  assertMatch(client.told("failed")[0]!.reason, /is it a simplevpn server/);
});

for (const address of ["224.0.0.7", "127.0.0.1", "255.255.255.255"]) {
  Deno.test(`a client does not accept the address ${address}`, () => {
    const { world, client, server } = askPuppet();
    server.puppets[0]!.send(reply(address));
    world.clock.waitUntil(() => server.puppets.length === 2);
    assertEquals(client.events.map(({ type }) => type), ["failed"]);
    assertMatch(client.told("failed")[0]!.reason, /cannot be used/);
    assert(server.puppets[0]!.isClosed);
  });
}

Deno.test("a client does not accept another address than the one that it asked for", () => {
  const world = new World();
  const server = world.startPuppetServer();
  const client = world.startClient({ address: "10.0.0.7" });
  world.clock.waitUntil(() => server.puppets.length === 1);
  server.puppets[0]!.send(reply("10.0.0.8"));
  world.clock.waitUntil(() => server.puppets.length === 2);
  assertEquals(client.events.map(({ type }) => type), ["failed"]);
  server.puppets[1]!.send(reply("10.0.0.7"));
  world.clock.waitUntil(() => client.isUp);
});

Deno.test("a client takes nothing more over a connection that it gave up", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { world, client, server, puppet } = askPuppet(seed);
    puppet.send(reply("224.0.0.7"), reply("10.0.0.7"), reply("10.0.0.8"));
    world.clock.waitUntil(() => server.puppets.length === 2);
    assertEquals(client.events.map(({ type }) => type), ["failed"]);
  }
});

Deno.test("a client takes the first of two replies, as the C server sends each twice", () => {
  const { world, client, server } = askPuppet();
  server.puppets[0]!.send(reply("10.0.0.7"), reply("10.0.0.7"), reply("10.0.0.8"));
  world.settle();
  server.puppets[0]!.send(reply("10.0.0.8"), ipv4Packet("10.0.0.1", "10.0.0.7"));
  world.settle();
  assertEquals(client.events.map(({ type }) => type), ["up"]);
  assertEquals([client.address, client.tun.length], ["10.0.0.7", 1]);
  assertEquals(client.counters.read().drops, { stray_control: 3 });
});

Deno.test("a client ignores control packets that are not for it, before and after the reply", () => {
  const { world, client, server } = askPuppet();
  const puppet = server.puppets[0]!;
  const stray = [KEEPALIVE, DYNAMIC_REQUEST, staticRequest("10.0.0.7"), UNKNOWN];
  puppet.send(...stray);
  world.settle();
  puppet.send(...stray, reply("10.0.0.7"), ...stray, ipv4Packet("10.0.0.1", "10.0.0.7"));
  world.settle();
  puppet.send(...stray);
  world.settle();
  assertEquals(client.events.map(({ type }) => type), ["up"]);
  assertEquals(summaries(client.tun), ["10.0.0.1 > 10.0.0.7"]);
  assertEquals(client.counters.read().drops, { stray_control: 12 });
  assertEquals(puppet.packets, [DYNAMIC_REQUEST]);
});

Deno.test("a server ignores control packets that only servers send, and senseless ones", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.joinPuppet("10.0.0.7");
  const stranger = world.connectPuppet();
  for (const sender of [puppet, stranger]) sender.send(reply("10.0.0.9"), UNKNOWN);
  puppet.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
  world.settle();
  assertEquals(server.counters.dropped(DropReason.StrayControl), 4);
  assertEquals([puppet.isClosed, stranger.isClosed, server.tun.length], [false, false, 1]);
  assertEquals([puppet.packets, stranger.packets], [[], []]);
  assertEquals(server.told("joined").length, 1);
});

/** Connects puppets without an address, one after the other. */
function connectStrangers(world: World, count: number): Puppet[] {
  return Array.from({ length: count }, () => {
    const puppet = world.connectPuppet();
    world.settle();
    return puppet;
  });
}

Deno.test("a full server closes the stranger that has been silent for longest, and no client", () => {
  const world = new World();
  const server = world.startServer({ maxConnections: 5 });
  const clients = [world.connectClient(), world.connectClient()];
  const strangers = connectStrangers(world, 3);
  strangers[0]!.send(KEEPALIVE);
  world.settle();
  const late = world.connectClient();
  world.settle();
  assertEquals(strangers.map(({ isClosed }) => isClosed), [false, true, false]);
  assertEquals([...clients, late].map(({ events }) => events.length), [1, 1, 1]);
  assertEquals(server.told("stranger").map(({ reason }) => reason), ["too many connections"]);
  assertEquals(server.connections.length, 5);
});

Deno.test("strangers never keep clients out of a full server", () => {
  const world = new World();
  const server = world.startServer({ maxConnections: 10 });
  connectStrangers(world, 20);
  const clients = Array.from({ length: 10 }, () => world.connectClient());
  assertEquals(clients.map(({ events }) => events.length), Array(10).fill(1));
  assertEquals(server.connections.length, 10);
});

Deno.test("a server that is full of clients closes a new connection, and no other", () => {
  const world = new World();
  const server = world.startServer({ maxConnections: 2 });
  const clients = [world.connectClient(), world.connectClient()];
  const puppet = world.connectPuppet();
  world.settle();
  assertEquals([puppet.isClosed, server.connections.length], [true, 2]);
  assertEquals(clients.map(({ events }) => events.length), [1, 1]);
  assertEquals(server.told("full").length, 1);
  const late = world.startClient();
  world.clock.run(60_000);
  assertEquals(late.isUp, false);
  clients[0]!.stop();
  world.clock.waitUntil(() => late.isUp);
});
