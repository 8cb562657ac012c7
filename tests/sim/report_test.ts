/** What both ends tell of their connections: what passed, by which path, and what was dropped. */
import { assert, assertEquals } from "@std/assert";
import type { Carrier } from "../../lib/protocol/hello.ts";
import type { PathReport, PeerReport } from "../../lib/session/report.ts";
import { type Traffic, trafficOf, valuesOf } from "../../lib/status/status.ts";
import type { ClientNode } from "./client_node.ts";
import { ipv4Packet } from "./packets.ts";
import { connectPair } from "./scenes.ts";
import { enrolled, join, secureWorld } from "./secure_scene.ts";
import type { ServerNode } from "./server_node.ts";
import type { World } from "./world.ts";

const SERVER = "10.0.0.1";
const BOTH: readonly Carrier[] = ["tcp", "udp"];

function traffic({ counts }: Pick<PeerReport, "counts">): Traffic {
  return trafficOf(valuesOf(counts));
}

function pathOf(paths: readonly PathReport[], carrier: Carrier): PathReport {
  return paths.find((path) => path.carrier === carrier)!;
}

/** Packets each way at a rest, so that all of them come. */
function exchange(world: World, server: ServerNode, client: ClientNode, count: number): void {
  for (let i = 0; i < count; i++) {
    client.send(ipv4Packet(client.address, SERVER, new Uint8Array(100)));
    server.send(ipv4Packet(SERVER, client.address, new Uint8Array(20)));
    world.clock.run(50);
  }
  world.settle();
}

/** What an exchange of so many packets is, as the server tells of its client. */
function exchanged(count: number): Traffic {
  return {
    packetsIn: count,
    packetsOut: count,
    bytesIn: 120 * count,
    bytesOut: 40 * count,
    drops: {},
  };
}

Deno.test("packets are counted by the path that they go by, and by the session across moves", () => {
  const { world, server } = secureWorld(3);
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  world.clock.waitUntil(() => pi.told("path_up").length > 0, 1_000);
  exchange(world, server, pi, 10);
  const [first] = server.report().peers;
  assertEquals([first!.name, traffic(first!)], ["pi", exchanged(10)]);
  assertEquals(traffic(pathOf(first!.paths, "tcp")), exchanged(10));
  assertEquals(traffic(pathOf(first!.paths, "udp")), exchanged(0));
  assertEquals(first!.paths.map(({ isActive }) => isActive), [true, false]);

  pi.wire.break();
  world.clock.run(200);
  world.network.block("server");
  exchange(world, server, pi, 7);
  const [second] = server.report().peers;
  assertEquals(second!.paths.map(({ carrier, isActive }) => [carrier, isActive]), [["udp", true]]);
  assertEquals(traffic(second!.paths[0]!), exchanged(7));
  assertEquals(traffic(second!), exchanged(17));
  assert(second!.age > first!.age);

  world.network.unblock("server");
  world.clock.waitUntil(() => server.report().peers[0]!.paths.length === 2, 600_000);
  exchange(world, server, pi, 5);
  const [third] = server.report().peers;
  assertEquals(traffic(third!), exchanged(22));
  const sum = third!.paths.reduce((sum, path) => sum + traffic(path).packetsIn, 0);
  assertEquals(sum, 12);
  const { packets, bytes } = server.counters.read();
  assertEquals([packets.from_peers, packets.to_peers], [22, 22]);
  assertEquals([bytes.from_peers, bytes.to_peers], [22 * 120, 22 * 40]);
});

Deno.test("a client tells the same of its paths, the other way around", () => {
  const { world, server } = secureWorld(4);
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  world.clock.waitUntil(() => pi.told("path_up").length > 0, 1_000);
  exchange(world, server, pi, 10);
  const { age, paths } = pi.report();
  assert(age! > 500);
  const { packetsIn, packetsOut, bytesIn, bytesOut } = traffic(pathOf(paths, "tcp"));
  assertEquals([packetsIn, packetsOut, bytesIn, bytesOut], [10, 10, 400, 1200]);
  for (const { roundTrip, remote, silence, age } of paths) {
    assert(remote !== "");
    assertEquals(roundTrip!.from, "probe");
    assert(roundTrip!.time > 0 && roundTrip!.time < 500 && silence < age);
  }
  pi.stop();
  assertEquals(pi.report(), { age: undefined, paths: [] });
});

Deno.test("what is dropped of a peer's packets is counted as its own, and among all", () => {
  const { world, server } = secureWorld(5);
  const [pi, laptop] = [join(world, server, "pi"), join(world, server, "laptop")];
  pi.send(ipv4Packet("10.0.0.77", SERVER));
  for (let i = 0; i < 3; i++) {
    server.send(ipv4Packet(SERVER, "10.0.0.200"));
    laptop.send(ipv4Packet(laptop.address, "224.0.0.1"));
  }
  world.settle();
  const drops = (node: { counts: PathReport["counts"] }): Traffic["drops"] => traffic(node).drops;
  assertEquals(server.report().peers.map(drops), [{}, {}]);
  // A client sends nothing that its server would drop.
  assertEquals(drops(pi.report().paths[0]!), { source_address: 1 });
  assertEquals(drops(laptop.report().paths[0]!), { multicast: 3 });
  assertEquals(pi.counters.read().drops, { source_address: 1 });
  assertEquals(server.counters.read().drops, { no_route: 3 });
});

Deno.test("classic clients are told of by their addresses, with what was dropped of theirs", () => {
  const { world, server, first, second } = connectPair();
  exchange(world, server, first, 4);
  const puppet = world.joinPuppet("10.0.0.66");
  puppet.send(ipv4Packet("10.0.0.67", SERVER), ipv4Packet("10.0.0.66", SERVER));
  world.settle();
  const { peers, connections } = server.report();
  assertEquals([peers.length, connections], [3, 3]);
  const ofAddress = (address: number): PeerReport =>
    peers.find((peer) => (peer.address & 0xff) === address)!;
  assertEquals(traffic(ofAddress(7)), exchanged(4));
  assertEquals(traffic(ofAddress(8)), exchanged(0));
  // A packet counts as one that came before it is known where it is from.
  assertEquals(traffic(ofAddress(66)), {
    ...exchanged(0),
    packetsIn: 2,
    bytesIn: 56,
    drops: { source_address: 1 },
  });
  const [path] = ofAddress(7).paths;
  assertEquals([path!.carrier, path!.isActive], ["tcp", true]);
  assertEquals(path!.roundTrip, { time: 42, from: "tcp" });
  const { packetsIn, packetsOut } = traffic(first.report().paths[0]!);
  assertEquals([packetsIn, packetsOut], [4, 4]);
  second.stop();
  world.settle();
  assertEquals(server.report().peers.length, 2);
});

Deno.test("a peer that connects anew begins at nothing", () => {
  const { world, server } = secureWorld(6);
  const credentials = enrolled(world, server, "pi");
  const pi = world.connectClient({ credentials });
  exchange(world, server, pi, 3);
  pi.stop();
  world.settle();
  assertEquals(server.report(), { peers: [], connections: 0 });
  exchange(world, server, world.connectClient({ credentials }), 2);
  assertEquals(server.report().peers.map(traffic), [exchanged(2)]);
});
