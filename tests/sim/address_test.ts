import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { DYNAMIC_REQUEST, ipv4Packet, reply, staticRequest } from "./packets.ts";
import { World } from "./world.ts";

Deno.test("a client that asks for any address is given the highest one", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient();
  assertEquals(client.address, "10.0.0.254");
  assertEquals(server.changes, ["10.0.0.254 dynamic"]);
  assertEquals(server.told("joined")[0]!.source, client.host);
});

Deno.test("clients that ask for any address are given different ones", () => {
  const world = new World();
  world.startServer();
  const clients = Array.from({ length: 20 }, () => world.startClient());
  world.clock.waitUntil(() => clients.every(({ isUp }) => isUp));
  assertEquals(new Set(clients.map(({ address }) => address)).size, 20);
});

Deno.test("a client that asks for a certain address is given it", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient({ address: "10.0.0.7" });
  assertEquals(client.address, "10.0.0.7");
  assertEquals(server.changes, ["10.0.0.7 static"]);
});

Deno.test("an address that was asked for is not given to others", () => {
  const world = new World();
  world.startServer();
  world.connectClient({ address: "10.0.0.254" });
  assertEquals(world.connectClient().address, "10.0.0.253");
});

Deno.test("a client that asks again on its connection is given the same address", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.connectPuppet();
  puppet.send(DYNAMIC_REQUEST, DYNAMIC_REQUEST);
  world.settle();
  puppet.send(staticRequest("10.0.0.254"));
  world.settle();
  assertEquals(puppet.packets, Array(3).fill(reply("10.0.0.254")));
  assertEquals(server.changes, ["10.0.0.254 dynamic"]);
});

Deno.test("a client that has a static address keeps it when it asks for any", () => {
  const world = new World();
  world.startServer();
  const puppet = world.joinPuppet("10.0.0.7");
  puppet.send(DYNAMIC_REQUEST);
  world.settle();
  assertEquals(puppet.packets, [reply("10.0.0.7")]);
});

Deno.test("a client that asks for another address gives back the one that it had", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.joinPuppet("10.0.0.7");
  puppet.send(staticRequest("10.0.0.8"));
  world.settle();
  assertEquals(puppet.packets, [reply("10.0.0.8")]);
  assertEquals(server.changes, ["10.0.0.7 static", "10.0.0.7 left", "10.0.0.8 static"]);
  assertEquals(world.connectClient({ address: "10.0.0.7" }).address, "10.0.0.7");
});

for (
  const [why, address] of [
    ["in use", "10.0.0.9"],
    ["the server's", "10.0.0.1"],
    ["the network's own", "10.0.0.0"],
    ["the broadcast address", "10.0.0.255"],
    ["below the network", "9.255.255.255"],
    ["above the network", "10.0.1.0"],
    ["in another network", "192.168.0.7"],
    ["multicast", "224.0.0.1"],
    ["the limited broadcast address", "255.255.255.255"],
  ] as const
) {
  Deno.test(`a client that asks for an address that is ${why} is refused and gives up`, () => {
    const world = new World();
    const server = world.startServer();
    world.connectClient({ address: "10.0.0.9" });
    const client = world.startClient({ address });
    world.clock.run(600_000);
    const [event, ...more] = client.events;
    assert(event?.type === "gave_up" && more.length === 0);
    assertEquals([event.cause, client.wires.length], ["refused", 1]);
    assertEquals(server.told("refused").map(({ address }) => address), [parseIpv4(address)]);
    assertEquals(server.changes, ["10.0.0.9 static"]);
  });
}

Deno.test("a server refuses by closing the connection without a reply", () => {
  const world = new World();
  world.startServer();
  const puppet = world.connectPuppet();
  puppet.send(staticRequest("10.0.0.1"));
  world.settle();
  assert(puppet.isClosed);
  assertEquals(puppet.packets, []);
});

Deno.test("a client whose request for another address is refused loses the one that it had", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.joinPuppet("10.0.0.7");
  puppet.send(staticRequest("10.0.0.1"), ipv4Packet("10.0.0.7", "10.0.0.1"));
  world.settle();
  assert(puppet.isClosed);
  assertEquals(server.changes, ["10.0.0.7 static", "10.0.0.7 left"]);
  assertMatch(server.told("left")[0]!.reason, /refused an address/);
  assertEquals(server.tun, []);
});

Deno.test("an empty pool refuses, is told of once, and serves who is there", () => {
  const world = new World();
  const server = world.startServer({ network: "10.0.0.0/30" });
  const first = world.connectClient();
  const second = world.startClient();
  const third = world.startClient();
  world.clock.run(60_000);
  assertEquals(server.told("exhausted").map(({ capacity }) => capacity), [1]);
  assertEquals([first.address, first.told("down").length], ["10.0.0.2", 0]);
  for (const client of [second, third]) {
    assert(client.told("failed").length > 3);
    assertEquals(client.told("up"), []);
  }
  first.send(ipv4Packet("10.0.0.2", "10.0.0.1"));
  world.settle();
  assertEquals(server.tun.length, 1);
});

Deno.test("an address that came free is given on, and running out again is told again", () => {
  const world = new World();
  const server = world.startServer({ network: "10.0.0.0/30" });
  const first = world.connectClient();
  const second = world.startClient();
  world.clock.run(60_000);
  first.stop();
  world.clock.waitUntil(() => second.isUp);
  assertEquals(second.address, "10.0.0.2");
  world.startClient();
  world.clock.run(60_000);
  assertEquals(server.told("exhausted").length, 2);
});

Deno.test("a client that comes back is given the address that it had", () => {
  const world = new World();
  world.startServer();
  const clients = [1, 2, 3].map(() => world.connectClient());
  const addresses = clients.map(({ address }) => address);
  for (const { wire } of clients) wire.break();
  world.clock.waitUntil(() => clients.every((client) => client.told("up").length === 2));
  assertEquals(clients.map(({ address }) => address), addresses);
});

Deno.test("a client that is started anew is given the address that its machine had", () => {
  const world = new World();
  world.startServer();
  const first = world.connectClient();
  const second = world.connectClient();
  first.stop();
  second.stop();
  world.settle();
  assertEquals(world.connectClient({}, second.host).address, second.address);
  assertEquals(world.connectClient({}, first.host).address, first.address);
});

Deno.test("a server that is started anew gives each machine the address that it had", () => {
  const world = new World();
  const server = world.startServer();
  const clients = [1, 2, 3].map(() => world.connectClient());
  const addresses = clients.map(({ address }) => address);
  for (const client of clients) client.stop();
  server.stop();
  server.start();
  const again = clients.map(({ host }) => world.startClient({}, host)).reverse();
  world.clock.waitUntil(() => again.every(({ isUp }) => isUp));
  assertEquals(again.map(({ address }) => address).reverse(), addresses);
});

Deno.test("a server that is started anew gives a new machine an address that nobody had", () => {
  const world = new World();
  const server = world.startServer();
  world.connectClient().stop();
  server.stop();
  server.start();
  assertEquals(world.connectClient().address, "10.0.0.253");
});

Deno.test("an address that somebody may come back for is given to others last", () => {
  const world = new World();
  world.startServer({ network: "10.0.0.0/29" });
  const [first, second] = [world.connectClient(), world.connectClient()];
  second.stop();
  world.settle();
  first.stop();
  world.settle();
  const others = Array.from({ length: 5 }, () => world.connectClient().address);
  assertEquals(others.slice(3), [second.address, first.address]);
});

Deno.test("a client says why it was given no address when it asked for any", () => {
  const world = new World();
  world.startServer({ network: "10.0.0.0/30" });
  world.connectClient();
  const second = world.startClient();
  world.clock.waitUntil(() => second.events.length > 0);
  assertMatch(second.told("failed")[0]!.reason, /without giving an address/);
});
