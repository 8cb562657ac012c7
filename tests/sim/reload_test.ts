/** A server that goes by other terms while clients are connected. */
import { assert, assertEquals } from "@std/assert";
import { parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { parsePrefix } from "../../lib/address/prefix.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import { DropReason } from "../../lib/session/counters.ts";
import type { ClientNode } from "./client_node.ts";
import { ipv4Packet } from "./packets.ts";
import { enrolled, join, secureWorld } from "./secure_scene.ts";
import { PUSH, type ServerNode } from "./server_node.ts";
import type { World } from "./world.ts";

const BOTH: readonly Carrier[] = ["tcp", "udp"];
const ROUTES = [parsePrefix("192.168.0.0/24"), parsePrefix("fd05::/64")];

/** A server, and a client that has two paths to it. */
function twoPaths(): { world: World; server: ServerNode; pi: ClientNode } {
  const { world, server } = secureWorld();
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  world.clock.waitUntil(() => pi.told("path_up").length > 0, 1_000);
  return { world, server, pi };
}

Deno.test("terms that mean nothing for clients cost them nothing, not even a message", () => {
  const { world, server, pi } = twoPaths();
  world.clock.run(5_000);
  const { datagrams } = world.network;
  const before = [pi.events.length, pi.wire.server.sent.length, datagrams.sent.length];
  server.change({});
  server.change({
    isolate: true,
    maxConnections: 7,
    push: { ...PUSH },
    timing: { keepalive: 25_000, timeout: 60_000 },
  });
  world.clock.run(100);
  assertEquals([pi.events.length, pi.wire.server.sent.length, datagrams.sent.length], before);
});

Deno.test("what clients are told reaches them once, by both paths, without a new connection", () => {
  const { world, server, pi } = twoPaths();
  server.change({
    push: { mtu: 1400, routes: ROUTES, dns: [parseIpv4("10.0.0.1")], searchDomains: ["a.test"] },
  });
  world.clock.run(1_000);
  const { routes, dns, searchDomains } = pi.configuration!;
  assertEquals(routes.map(String), ["192.168.0.0/24"]);
  assertEquals([dns, searchDomains], [[parseIpv4("10.0.0.1")], ["a.test"]]);
  assertEquals([pi.told("changed").length, pi.wires.length, pi.told("path_down")], [1, 1, []]);
  assertEquals(server.changes, ["10.0.0.2 enrolled"]);
  server.change({ push: PUSH });
  world.clock.run(1_000);
  assertEquals([pi.configuration!.routes, pi.told("changed").length], [[], 2]);
});

Deno.test("who connects later is told the same", () => {
  const { world, server } = secureWorld();
  server.change({ push: { ...PUSH, routes: ROUTES }, timing: { keepalive: 1000, timeout: 3000 } });
  const { routes, keepalive, timeout } = join(world, server, "pi").configuration!;
  assertEquals([routes.map(String), keepalive, timeout], [["192.168.0.0/24"], 1000, 3000]);
});

for (const carriers of [["tcp"], ["udp"], BOTH] as const) {
  Deno.test(`shorter and longer times lose no idle client that goes over ${carriers}`, () => {
    const { world, server } = secureWorld();
    const credentials = enrolled(world, server, "pi");
    const pi = world.connectClient({ credentials, carriers });
    world.clock.run(40_000);
    const wires = pi.wires.length;
    for (const keepalive of [25_000, 500, 5_000, 300_000, 1000]) {
      server.change({ timing: { keepalive, timeout: 3 * keepalive } });
      world.clock.run(400_000);
      assert(pi.isUp);
    }
    assertEquals([pi.told("down"), pi.told("path_down"), pi.wires.length], [[], [], wires]);
    assertEquals(server.changes, ["10.0.0.2 enrolled"]);
  });
}

Deno.test("a client that is gone is missed after the time that counts now", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  world.clock.run(10_000);
  server.change({ timing: { keepalive: 1000, timeout: 3000 } });
  world.clock.run(1000);
  pi.wire.silence();
  pi.stop();
  world.clock.run(3_100);
  assertEquals(server.told("left").length, 1);
});

Deno.test("connected clients are kept apart from now on, and not any more", () => {
  const { world, server } = secureWorld(1, { classic: true });
  const clients = [join(world, server, "one"), world.connectClient()];
  for (const isolate of [false, true, false]) {
    server.change({ isolate });
    const before = server.counters.dropped(DropReason.Isolated);
    const [one, other] = clients.map(({ address }) => address);
    clients[0]!.send(ipv4Packet(one!, other!));
    clients[1]!.send(ipv4Packet(other!, one!));
    world.settle();
    assertEquals(server.counters.dropped(DropReason.Isolated) - before, isolate ? 2 : 0);
  }
});

Deno.test("networks behind others are told of only while clients are not kept apart", () => {
  const { world, server } = secureWorld();
  join(world, server, "office", { routes: ROUTES.slice(0, 1) });
  const pi = join(world, server, "pi");
  for (const isolate of [false, true, false]) {
    server.change({ isolate });
    world.clock.run(1_000);
    assertEquals(pi.configuration!.routes.map(String), isolate ? [] : ["192.168.0.0/24"]);
  }
});

Deno.test("a lower limit ends no connection, but keeps new ones out; a higher one lets them in", () => {
  const { world, server } = secureWorld();
  const peers = ["one", "two", "three"].map((name) => enrolled(world, server, name));
  const [one, two] = peers.slice(0, 2).map((credentials) => world.connectClient({ credentials }));
  server.change({ maxConnections: 1 });
  const late = world.startClient({ credentials: peers[2]! });
  world.clock.run(10_000);
  assertEquals([one!.isUp, two!.isUp, late.isUp], [true, true, false]);
  server.change({ maxConnections: 3 });
  world.clock.waitUntil(() => late.isUp, 120_000);
});
