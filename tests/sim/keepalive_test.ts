import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  CLASSIC_KEEPALIVE_INTERVAL,
  CLIENT_TIMEOUT,
  HANDSHAKE_TIMEOUT,
  KEEPALIVE_RETRY,
  SERVER_TIMEOUT,
} from "../../lib/session/limits.ts";
import { ipv4Packet, KEEPALIVE, reply } from "./packets.ts";
import { joinPuppetServer } from "./scenes.ts";
import type { Wire } from "./wire.ts";
import { World } from "./world.ts";

/** When a client sent keepalives over a wire. */
function keepaliveTimes(wire: Wire): number[] {
  return wire.client.sent
    .filter(({ bytes }) => bytes.every((byte, i) => byte === KEEPALIVE[i]))
    .map(({ time }) => time);
}

/** When a client last sent anything over a wire. */
function lastSent(wire: Wire): number {
  return wire.client.sent.at(-1)!.time;
}

Deno.test("a client that is idle for 15 s sends a keepalive, which the server sends back", () => {
  const world = new World();
  world.startServer();
  const client = world.connectClient();
  const asked = lastSent(client.wire);
  world.clock.run(CLASSIC_KEEPALIVE_INTERVAL + 1000);
  assertEquals(keepaliveTimes(client.wire), [asked + CLASSIC_KEEPALIVE_INTERVAL]);
  assertEquals(client.wire.server.sent.map(({ bytes }) => bytes), [
    reply(client.address),
    KEEPALIVE,
  ]);
});

Deno.test("the limits are those of the protocol", () => {
  assertEquals([CLASSIC_KEEPALIVE_INTERVAL, KEEPALIVE_RETRY, SERVER_TIMEOUT], [
    15_000,
    1000,
    60_000,
  ]);
});

Deno.test("an answered keepalive is followed by another after 15 s, and the connection lasts", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient();
  world.clock.run(3_600_000);
  const times = keepaliveTimes(client.wire);
  const apart = times.slice(1).map((time, i) => time - times[i]!);
  assertEquals(new Set(apart), new Set([CLASSIC_KEEPALIVE_INTERVAL]));
  assert(times.length >= 239);
  assertEquals([client.events.length, server.events.length], [1, 1]);
  assertEquals([client.counters.read().drops, server.counters.read().drops], [{}, {}]);
});

Deno.test("a keepalive comes back unaltered, whatever its other fields hold", () => {
  const world = new World();
  world.startServer();
  const puppet = world.joinPuppet("10.0.0.7");
  const odd = KEEPALIVE.slice();
  odd.set([0x45, 0xff, 0, 20, 0xab, 0xcd, 0x40, 1, 7, 17, 0x12, 0x34]);
  puppet.send(odd, KEEPALIVE);
  world.settle();
  assertEquals(puppet.packets, [odd, KEEPALIVE]);
});

Deno.test("a keepalive comes back to a client that has no address yet, and gives it none", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.connectPuppet();
  puppet.send(KEEPALIVE);
  world.settle();
  assertEquals(puppet.packets, [KEEPALIVE]);
  assertEquals(server.events, []);
});

Deno.test("unanswered keepalives are sent each second, until the server counts as silent", () => {
  const { world, client } = joinPuppetServer();
  const up = client.told("up")[0]!.time;
  const asked = lastSent(client.wire);
  world.clock.waitUntil(() => !client.isUp);
  const first = asked + CLASSIC_KEEPALIVE_INTERVAL;
  const times = keepaliveTimes(client.wires[0]!);
  assertEquals(times, times.map((_, i) => first + i * KEEPALIVE_RETRY));
  assert(times.length >= 14);
  const down = client.told("down")[0]!;
  assertEquals(down.time, up + CLIENT_TIMEOUT);
  assertMatch(down.reason, /silent for 30 s/);
});

Deno.test("anything from the server ends the keepalives of each second", () => {
  const { world, puppet, client } = joinPuppetServer();
  const { wire } = client;
  world.clock.waitUntil(() => keepaliveTimes(wire).length === 3);
  puppet.send(ipv4Packet("10.0.0.1", "10.0.0.7"));
  world.clock.waitUntil(() => client.tun.length === 1);
  const last = lastSent(wire);
  world.clock.run(CLASSIC_KEEPALIVE_INTERVAL);
  assertEquals(keepaliveTimes(wire).filter((time) => time > last), [
    last + CLASSIC_KEEPALIVE_INTERVAL,
  ]);
});

Deno.test("no keepalive is sent while packets pass in both directions", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient({ address: "10.0.0.7" });
  for (let i = 0; i < 60; i++) {
    client.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
    server.send(ipv4Packet("10.0.0.1", "10.0.0.7"));
    world.clock.run(CLASSIC_KEEPALIVE_INTERVAL - 100);
  }
  assertEquals(keepaliveTimes(client.wire), []);
  assertEquals(client.events.length, 1);
});

Deno.test("a client that only hears sends keepalives all the same, or the server would drop it", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient({ address: "10.0.0.7" });
  for (let i = 0; i < 600; i++) {
    server.send(ipv4Packet("10.0.0.1", "10.0.0.7"));
    world.clock.run(1000);
  }
  assertEquals([client.tun.length, client.events.length, server.events.length], [600, 1, 1]);
  assert(keepaliveTimes(client.wire).length >= 39);
});

Deno.test("a client that only sends notices that the server is silent", () => {
  const { world, client } = joinPuppetServer();
  const up = client.told("up")[0]!.time;
  for (let i = 0; i < 40 && client.isUp; i++) {
    client.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
    world.clock.run(1000);
  }
  assertEquals(client.told("down")[0]!.time, up + CLIENT_TIMEOUT);
  assert(keepaliveTimes(client.wires[0]!).length >= 14);
});

Deno.test("a client that gives a silent server up closes the connection", () => {
  const { world, puppet, client } = joinPuppetServer();
  world.clock.waitUntil(() => !client.isUp);
  assert(client.wires[0]!.client.isClosed);
  world.settle();
  assert(puppet.isClosed);
});

Deno.test("a server drops a client that is silent for 60 s, and frees its address", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.joinPuppet("10.0.0.7");
  const { time } = server.told("joined")[0]!;
  world.clock.run(20_000);
  assertEquals(puppet.isClosed, false);
  world.clock.waitUntil(() => puppet.isClosed);
  const [left] = server.told("left");
  assertEquals(left?.time, time + SERVER_TIMEOUT);
  assertMatch(left!.reason, /silent for 60 s/);
  assertEquals(world.connectClient({ address: "10.0.0.7" }).address, "10.0.0.7");
});

Deno.test("a server drops a connection that never says a word, after 5 s", () => {
  const world = new World();
  const server = world.startServer();
  const begin = world.clock.now;
  const puppet = world.connectPuppet();
  world.clock.waitUntil(() => puppet.isClosed);
  const [stranger] = server.told("stranger");
  assert(stranger!.time - begin - HANDSHAKE_TIMEOUT <= 40);
  assertMatch(stranger!.reason, /did not show who it is in time/);
  assertEquals(server.connections, []);
});

Deno.test("a server counts the silence of each client from what that client sent last", () => {
  const world = new World();
  const server = world.startServer();
  const [early, late] = [world.joinPuppet("10.0.0.7"), world.joinPuppet("10.0.0.8")];
  early.send(KEEPALIVE);
  world.clock.run(50_000);
  late.send(KEEPALIVE);
  world.clock.waitUntil(() => late.isClosed);
  const [first, second, ...more] = server.told("left");
  assertEquals(more, []);
  assert(Math.abs(second!.time - first!.time - 50_000) <= 50);
});

Deno.test("half a packet is a sign of life", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.joinPuppet("10.0.0.7");
  const packet = ipv4Packet("10.0.0.7", "10.0.0.1", new Uint8Array(280));
  for (let i = 0; i < 10; i++) {
    puppet.send(packet.subarray(30 * i, 30 * (i + 1)));
    world.clock.run(30_000);
  }
  assertEquals([puppet.isClosed, server.tun], [false, [packet]]);
});

Deno.test("a connection lasts over 25 s in which nothing comes through, and loses nothing", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient({ address: "10.0.0.7" });
  client.wire.stall(25_000);
  for (let i = 0; i < 25; i++) {
    client.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
    server.send(ipv4Packet("10.0.0.1", "10.0.0.7"));
    world.clock.run(1000);
  }
  world.clock.run(60_000);
  assertEquals([client.tun.length, server.tun.length], [25, 25]);
  assertEquals([client.events.length, server.events.length], [1, 1]);
});
