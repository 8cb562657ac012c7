/** A client whose network changes, or whose machine slept. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  BACKOFF_FIRST,
  BACKOFF_JITTER,
  CHECK_LEAST,
  CHECK_MOST,
  HURRY_LEAST,
} from "../../lib/session/limits.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import type { ClientNode } from "./client_node.ts";
import { ipv4Packet, summaries } from "./packets.ts";
import { enrolled, secureWorld } from "./secure_scene.ts";
import type { ServerNode } from "./server_node.ts";
import type { World } from "./world.ts";

const BOTH: readonly Carrier[] = ["tcp", "udp"];

/** How long it may take until a dead path is left and another made. */
const SOON = CHECK_MOST + 1_000;

function start(carriers: readonly Carrier[]): { world: World; server: ServerNode; pi: ClientNode } {
  const { world, server } = secureWorld();
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers });
  if (carriers.length > 1) world.clock.waitUntil(() => pi.told("path_up").length > 0);
  world.settle();
  return { world, server, pi };
}

/** Nothing runs on the client's machine for so long, and what comes over TCP comes afterwards. */
function fallAsleep(world: World, pi: ClientNode, milliseconds: number): void {
  const { clock, network } = world;
  for (const wire of pi.wires) wire.client.stall(milliseconds);
  network.datagrams.blocks = () => true;
  clock.forget(pi);
  clock.run(milliseconds);
  clock.drive(pi);
  network.datagrams.blocks = () => false;
}

for (const carriers of [["tcp"], ["udp"], BOTH] as const) {
  const by = carriers.join(" and ");

  Deno.test(`a change of the network that harms nothing changes nothing (${by})`, () => {
    const { world, pi } = start(carriers);
    const before = pi.events.length;
    for (let i = 0; i < 200; i++) {
      pi.networkChanged();
      world.clock.run(world.random.integer(0, 4 * CHECK_MOST));
    }
    assertEquals(pi.events.slice(before).filter(({ type }) => type !== "moved"), []);
    assertEquals(pi.isUp, true);
  });
}

Deno.test("a TCP connection that a change of the network killed is made anew soon", () => {
  const { world, server, pi } = start(["tcp"]);
  const { address } = pi;
  pi.wire.silence();
  pi.networkChanged();
  const begin = world.clock.now;
  world.clock.waitUntil(() => pi.told("up").length === 2, SOON);
  const [down] = pi.told("down");
  assertMatch(down!.reason, /TCP lets nothing through any more/);
  assertEquals(down!.retry, 0, "there is nothing to wait for");
  assert(down!.time - begin >= CHECK_LEAST, "an answer has time to come");
  assertEquals(pi.address, address);
  pi.send(ipv4Packet(address, "10.0.0.1"));
  world.settle();
  assertEquals(summaries(server.tun), [`${address} > 10.0.0.1`]);
});

Deno.test("without a change of the network the same takes much longer", () => {
  const { world, pi } = start(["tcp"]);
  pi.wire.silence();
  world.clock.run(2 * SOON);
  assertEquals(pi.told("down"), []);
});

Deno.test("a session over UDP goes on from another address as soon as the network changed", () => {
  const { world, server, pi } = start(["udp"]);
  pi.move("192.0.2.77");
  pi.networkChanged();
  world.settle();
  server.send(ipv4Packet("10.0.0.1", pi.address));
  world.settle();
  assertEquals(summaries(pi.tun), [`10.0.0.1 > ${pi.address}`]);
  assertEquals(pi.told("down"), []);
});

Deno.test("of two paths that which a change of the network killed is made anew, and nothing else", () => {
  const { world, pi } = start(BOTH);
  for (const wire of pi.wires) wire.silence();
  pi.networkChanged();
  world.clock.waitUntil(() => pi.told("path_down").length === 1, SOON);
  assertEquals(pi.told("path_down")[0]!.carrier, "tcp");
  world.clock.waitUntil(() => pi.told("path_up").length === 2, SOON);
  assertEquals(pi.told("down"), []);
});

Deno.test("a path that was given up on for minutes is tried again in another network", () => {
  const { world, server } = secureWorld();
  const { datagrams } = world.network;
  datagrams.blocks = () => true;
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  world.clock.run(1_200_000);
  const { length } = pi.told("path_failed");
  world.clock.waitUntil(() => pi.told("path_failed").length > length, 1_000_000);
  datagrams.blocks = () => false;
  world.clock.run(60_000);
  assertEquals(pi.told("path_up"), [], "it is not tried yet");
  pi.networkChanged();
  world.clock.waitUntil(() => pi.told("path_up").length === 1, 2 * HURRY_LEAST + 5_000);
});

Deno.test("one lost question, or answer, ends no path", () => {
  const { world, pi } = start(["udp"]);
  let left = 3;
  world.network.datagrams.blocks = () => left-- > 0;
  pi.networkChanged();
  world.clock.run(2 * SOON);
  assert(left < 0);
  assertEquals(pi.told("down"), []);
});

Deno.test("a client that waits tries at once when the network changes, and has short pauses again", () => {
  const { world, server, pi } = start(["tcp"]);
  server.stop();
  world.clock.run(120_000);
  const { length } = pi.resolves;
  server.start();
  pi.networkChanged();
  world.clock.waitUntil(() => pi.isUp, 2_000);
  assertEquals(pi.resolves.length, length + 1);
});

Deno.test("however often the network changes, a client tries once a second at the most", () => {
  const { world, server, pi } = start(["tcp"]);
  server.stop();
  world.clock.run(60_000);
  const { length } = pi.resolves;
  for (let i = 0; i < 600; i++) {
    pi.networkChanged();
    world.clock.run(100);
  }
  const tries = pi.resolves.length - length;
  assert(tries > 30 && tries <= 80, `${tries}`);
});

Deno.test("a change while a name is looked up asks again, and the late answer counts for nothing", () => {
  const { world, server } = secureWorld();
  const pi = world.startClient({ credentials: enrolled(world, server, "pi") });
  world.clock.run(1);
  pi.networkChanged();
  world.clock.waitUntil(() => pi.isUp);
  assertEquals([pi.resolves.length, pi.told("up").length, pi.wires.length], [2, 1, 1]);
});

Deno.test("a pause that a server asked for is not shortened", () => {
  const { world, server, pi } = start(["tcp"]);
  server.door.change((registry) => registry.changePeer("pi", { enabled: false }));
  world.clock.waitUntil(() => pi.told("down").length === 1);
  const { length } = pi.resolves;
  for (let i = 0; i < 10; i++) {
    pi.networkChanged();
    world.clock.run(1_000);
  }
  assertEquals(pi.resolves.length, length);
});

Deno.test("a connection that breaks long after a change of the network is made anew without a storm", () => {
  const { world, pi } = start(["tcp"]);
  pi.networkChanged();
  world.clock.run(60_000);
  for (let i = 0; i < 20; i++) {
    pi.wire.break();
    world.clock.waitUntil(() => !pi.isUp);
    world.clock.waitUntil(() => pi.isUp, 60_000);
  }
  const pauses = pi.told("down").map(({ retry }) => retry);
  assert(pauses.slice(1).every((pause) => pause >= BACKOFF_FIRST));
  assert(Math.max(...pauses) > 2 * BACKOFF_FIRST * (1 + BACKOFF_JITTER), "they grow");
});

Deno.test("a machine that slept is asked for, and answers, as if its network had changed", () => {
  for (const slept of [5_000, 20_000, 90_000, 7_200_000]) {
    const { world, server, pi } = start(BOTH);
    fallAsleep(world, pi, slept);
    pi.networkChanged();
    world.clock.waitUntil(() => pi.isUp, SOON);
    world.settle();
    pi.send(ipv4Packet(pi.address, "10.0.0.1"));
    world.settle();
    assertEquals(summaries(server.tun), [`${pi.address} > 10.0.0.1`], `${slept}`);
  }
});
