import { assertEquals } from "@std/assert";
import { DropReason } from "../../lib/session/counters.ts";
import { Random } from "../random.ts";
import { ipv4Packet, summaries } from "./packets.ts";
import { connectPair } from "./scenes.ts";

Deno.test("a client's packet reaches the server's TUN device", () => {
  const { world, server, first, second } = connectPair();
  const packet = ipv4Packet("10.0.0.7", "10.0.0.1", new Random(1).bytes(100));
  first.send(packet);
  world.settle();
  assertEquals(server.tun, [packet]);
  assertEquals(second.tun, []);
});

Deno.test("a packet for a network beyond the server reaches the server's TUN device", () => {
  const { world, server, first } = connectPair();
  first.send(ipv4Packet("10.0.0.7", "192.0.2.1"));
  world.settle();
  assertEquals(summaries(server.tun), ["10.0.0.7 > 192.0.2.1"]);
});

Deno.test("a packet from the server's TUN device reaches the client that has its destination", () => {
  const { world, server, first, second } = connectPair();
  const packet = ipv4Packet("192.0.2.1", "10.0.0.8", new Random(1).bytes(100));
  server.send(packet);
  world.settle();
  assertEquals(second.tun, [packet]);
  assertEquals(first.tun, []);
});

Deno.test("a client's packet reaches the other client, and the server's TUN device never", () => {
  const { world, server, first, second } = connectPair();
  const packet = ipv4Packet("10.0.0.7", "10.0.0.8", new Random(1).bytes(100));
  const answer = ipv4Packet("10.0.0.8", "10.0.0.7", new Random(2).bytes(100));
  first.send(packet);
  second.send(answer);
  world.settle();
  assertEquals([first.tun, second.tun, server.tun], [[answer], [packet], []]);
});

Deno.test("packets of every size pass unaltered and in order, however they are cut", () => {
  const { world, server, first, second } = connectPair();
  const random = new Random(3);
  const sizes = [0, 1, 19, 20, 21, 65_515, ...Array.from({ length: 200 }, (_, i) => 10 * i)];
  const packets = sizes.map((size) => ipv4Packet("10.0.0.7", "10.0.0.8", random.bytes(size)));
  const answers = sizes.map((size) => ipv4Packet("10.0.0.1", "10.0.0.7", random.bytes(size)));
  for (const [i, packet] of packets.entries()) {
    first.send(packet);
    server.send(answers[i]!);
    world.clock.run(i % 3);
  }
  world.clock.run(60_000);
  assertEquals(second.tun, packets);
  assertEquals(first.tun, answers);
});

Deno.test("packets are counted on every way that they pass", () => {
  const { world, server, first, second } = connectPair();
  first.send(ipv4Packet("10.0.0.7", "10.0.0.8", new Uint8Array(80)));
  second.send(ipv4Packet("10.0.0.8", "10.0.0.1", new Uint8Array(30)));
  server.send(ipv4Packet("10.0.0.1", "10.0.0.8", new Uint8Array(10)));
  world.settle();
  const { packets, bytes } = server.counters.read();
  assertEquals(packets, { from_tun: 1, to_tun: 0, from_peers: 2, to_peers: 2 });
  assertEquals(bytes, { from_tun: 30, to_tun: 0, from_peers: 150, to_peers: 130 });
  assertEquals(second.counters.read().packets, {
    from_tun: 1,
    to_tun: 0,
    from_peers: 2,
    to_peers: 1,
  });
});

Deno.test("a packet for an address that nobody has goes to no client", () => {
  const { world, server, first, second } = connectPair();
  second.stop();
  world.settle();
  server.send(ipv4Packet("10.0.0.1", "10.0.0.8"));
  server.send(ipv4Packet("10.0.0.1", "10.0.0.9"));
  first.send(ipv4Packet("10.0.0.7", "10.0.0.8"));
  world.settle();
  assertEquals(server.counters.dropped(DropReason.NoRoute), 2);
  assertEquals(summaries(server.tun), ["10.0.0.7 > 10.0.0.8"]);
  assertEquals([first.tun, second.tun], [[], []]);
});
