import { assertEquals } from "@std/assert";
import { DropReason } from "../../lib/session/counters.ts";
import { ipv4Packet, summaries } from "./packets.ts";
import { World } from "./world.ts";

Deno.test("a client that never asks is given the free address that it sends from", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.connectPuppet();
  puppet.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
  world.settle();
  server.send(ipv4Packet("10.0.0.1", "10.0.0.7"));
  world.settle();
  assertEquals(server.changes, ["10.0.0.7 adopted"]);
  assertEquals(summaries(server.tun), ["10.0.0.7 > 10.0.0.1"]);
  assertEquals(summaries(puppet.packets), ["10.0.0.1 > 10.0.0.7"]);
});

for (
  const [whose, source] of [
    ["another client's", "10.0.0.7"],
    ["the server's", "10.0.0.1"],
    ["the network's own", "10.0.0.0"],
    ["the broadcast address", "10.0.0.255"],
    ["out of range", "10.0.1.7"],
    ["unspecified", "0.0.0.0"],
  ] as const
) {
  Deno.test(`a client that never asks cannot take an address that is ${whose}`, () => {
    const world = new World();
    const server = world.startServer();
    const owner = world.connectClient({ address: "10.0.0.7" });
    const puppet = world.connectPuppet();
    puppet.send(ipv4Packet(source, "10.0.0.1"), ipv4Packet(source, "10.0.0.7"));
    world.settle();
    server.send(ipv4Packet("10.0.0.1", "10.0.0.7"));
    world.settle();
    assertEquals(server.changes, ["10.0.0.7 static"]);
    assertEquals(server.counters.dropped(DropReason.SourceAddress), 2);
    assertEquals([server.tun.length, puppet.packets.length, puppet.isClosed], [0, 0, false]);
    assertEquals(summaries(owner.tun), ["10.0.0.1 > 10.0.0.7"]);
  });
}

Deno.test("a client that has an address cannot have another by sending from it", () => {
  const world = new World();
  const server = world.startServer();
  const puppet = world.joinPuppet("10.0.0.7");
  puppet.send(ipv4Packet("10.0.0.8", "10.0.0.1"));
  world.settle();
  assertEquals(server.changes, ["10.0.0.7 static"]);
  assertEquals(server.counters.dropped(DropReason.SourceAddress), 1);
  assertEquals(server.tun, []);
});
