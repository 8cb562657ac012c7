import { assertEquals } from "@std/assert";
import { DropReason } from "../../lib/session/counters.ts";
import { control, ipv4Packet, ipv6Packet, reply, summaries } from "./packets.ts";
import { connectPair, joinPuppetServer } from "./scenes.ts";
import { World } from "./world.ts";

Deno.test("a server checks the source address of every packet", () => {
  const { world, server, first } = connectPair();
  const puppet = world.joinPuppet("10.0.0.66");
  for (const source of ["10.0.0.66", "10.0.0.8", "10.0.0.9", "192.0.2.1", "10.0.0.1", "0.0.0.0"]) {
    puppet.send(
      ipv4Packet(source, "10.0.0.7"),
      ipv4Packet(source, "10.0.0.1"),
      ipv4Packet("10.0.0.66", "10.0.0.1"),
    );
  }
  world.settle();
  assertEquals(summaries(first.tun), ["10.0.0.66 > 10.0.0.7"]);
  assertEquals(summaries(server.tun), Array(7).fill("10.0.0.66 > 10.0.0.1"));
  assertEquals(server.counters.dropped(DropReason.SourceAddress), 10);
});

Deno.test("a client that was given another address cannot send from the old one", () => {
  const { world, server } = connectPair();
  const puppet = world.joinPuppet("10.0.0.66");
  puppet.send(
    ipv4Packet("10.0.0.66", "10.0.0.1"),
    control("10.0.0.67", "0.0.0.0"),
    ipv4Packet("10.0.0.66", "10.0.0.1"),
    ipv4Packet("10.0.0.67", "10.0.0.1"),
  );
  world.settle();
  assertEquals(summaries(server.tun), ["10.0.0.66 > 10.0.0.1", "10.0.0.67 > 10.0.0.1"]);
  assertEquals(server.counters.dropped(DropReason.SourceAddress), 1);
});

Deno.test("a server drops every IPv6 packet where nobody has such an address", () => {
  const { world, server, first } = connectPair();
  const puppet = world.joinPuppet("10.0.0.66");
  for (const length of [8, 65_535, 0]) {
    puppet.send(ipv6Packet(undefined, undefined, new Uint8Array(length)));
  }
  world.connectPuppet().send(ipv6Packet());
  server.send(ipv6Packet());
  world.settle();
  assertEquals(server.counters.dropped(DropReason.SourceAddress), 4);
  assertEquals(server.counters.dropped(DropReason.NoRoute), 1);
  assertEquals([server.tun, first.tun, puppet.packets], [[], [], []]);
});

Deno.test("a server drops a packet that claims IPv4 and is none, and keeps the connection", () => {
  const { world, server } = connectPair();
  const puppet = world.joinPuppet("10.0.0.66");
  server.send(ipv4Packet("10.0.0.1", "10.0.0.66").subarray(0, 27));
  server.send(new Uint8Array(5));
  world.settle();
  assertEquals(server.counters.dropped(DropReason.Malformed), 2);
  assertEquals([puppet.packets.length, puppet.isClosed], [0, false]);
});

for (
  const [what, destination, reason] of [
    ["multicast", "224.0.0.22", DropReason.Multicast],
    ["administratively scoped multicast", "239.255.255.250", DropReason.Multicast],
    ["limited broadcast", "255.255.255.255", DropReason.Multicast],
    ["the network's broadcast", "10.0.0.255", DropReason.Multicast],
    ["the network's own", "10.0.0.0", DropReason.Multicast],
    ["loopback", "127.0.0.1", DropReason.DestinationAddress],
    ["unspecified", "0.0.0.0", DropReason.DestinationAddress],
  ] as const
) {
  Deno.test(`a server drops and counts packets to a destination that is ${what}`, () => {
    const { world, server, first, second } = connectPair();
    const puppet = world.joinPuppet("10.0.0.66");
    puppet.send(ipv4Packet("10.0.0.66", destination));
    world.connectPuppet().send(ipv4Packet("10.0.0.67", destination));
    server.send(ipv4Packet("10.0.0.1", destination));
    world.settle();
    assertEquals(server.counters.dropped(reason), 3);
    assertEquals([server.tun, first.tun, second.tun, puppet.packets], [[], [], [], []]);
    assertEquals(server.told("joined").length, 3);
  });
}

Deno.test("an empty packet to the limited broadcast address is no keepalive", () => {
  const { world, server } = connectPair();
  const puppet = world.joinPuppet("10.0.0.66");
  puppet.send(ipv4Packet("10.0.0.66", "255.255.255.255", new Uint8Array(0)));
  world.settle();
  assertEquals(server.counters.read().drops, { multicast: 1 });
  assertEquals(puppet.packets, []);
});

Deno.test("a client checks the source address of every packet that it sends", () => {
  const { world, server, first, second } = connectPair();
  for (const source of ["10.0.0.7", "10.0.0.8", "192.0.2.1", "0.0.0.0", "10.0.0.1"]) {
    first.send(ipv4Packet(source, "10.0.0.8"));
    first.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
  }
  world.settle();
  assertEquals(summaries(second.tun), ["10.0.0.7 > 10.0.0.8"]);
  assertEquals(summaries(server.tun), Array(5).fill("10.0.0.7 > 10.0.0.1"));
  assertEquals(first.counters.dropped(DropReason.SourceAddress), 4);
  assertEquals(server.counters.read().drops, {});
});

Deno.test("a client sends neither IPv6, nor multicast, nor broadcast, nor what is no packet", () => {
  const { world, server, first } = connectPair();
  first.send(ipv6Packet());
  first.send(ipv4Packet("10.0.0.7", "224.0.0.22"));
  first.send(ipv4Packet("10.0.0.7", "255.255.255.255"));
  first.send(ipv4Packet("10.0.0.7", "10.0.0.1").subarray(0, 27));
  world.settle();
  assertEquals(first.counters.read().drops, { source_address: 1, multicast: 2, malformed: 1 });
  assertEquals(server.counters.read().packets.from_peers, 0);
  assertEquals(server.counters.read().drops, {});
});

Deno.test("a client takes only packets to its own address from the server", () => {
  const { world, puppet, client } = joinPuppetServer();
  puppet.send(
    ipv4Packet("10.0.0.1", "10.0.0.8"),
    ipv4Packet("10.0.0.1", "10.0.0.7"),
    ipv4Packet("10.0.0.1", "224.0.0.1"),
    ipv4Packet("10.0.0.1", "127.0.0.1"),
    ipv6Packet(),
    ipv4Packet("192.0.2.1", "10.0.0.7"),
  );
  world.settle();
  assertEquals(summaries(client.tun), ["10.0.0.1 > 10.0.0.7", "192.0.2.1 > 10.0.0.7"]);
  assertEquals(client.counters.dropped(DropReason.DestinationAddress), 4);
  assertEquals(client.isUp, true);
});

Deno.test("a client drops what its machine sends before it has an address, and while it has none", () => {
  const world = new World();
  const client = world.startClient();
  client.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
  const { puppets } = world.startPuppetServer();
  world.clock.waitUntil(() => puppets.length > 0);
  world.settle();
  client.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
  puppets[0]!.send(reply("10.0.0.7"));
  world.clock.waitUntil(() => client.isUp);
  client.wire.break();
  world.clock.waitUntil(() => !client.isUp);
  client.send(ipv4Packet("10.0.0.7", "10.0.0.1"));
  world.settle();
  assertEquals(client.counters.dropped(DropReason.NotConnected), 3);
  assertEquals(client.counters.read().packets.to_peers, 0);
});

Deno.test("a client takes no packet before it has an address", () => {
  const world = new World();
  const { puppets } = world.startPuppetServer();
  const client = world.startClient();
  world.clock.waitUntil(() => puppets.length > 0);
  puppets[0]!.send(ipv4Packet("10.0.0.1", "10.0.0.7"), ipv4Packet("10.0.0.1", "10.0.0.8"));
  puppets[0]!.send(reply("10.0.0.7"), ipv4Packet("192.0.2.1", "10.0.0.7"));
  world.settle();
  assertEquals(summaries(client.tun), ["192.0.2.1 > 10.0.0.7"]);
  assertEquals(client.counters.dropped(DropReason.DestinationAddress), 2);
});
