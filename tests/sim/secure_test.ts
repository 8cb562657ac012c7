/** Secure clients and a server with its gatekeeper: who gets in, what passes, how keys are renewed. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { parsePrefix } from "../../lib/address/prefix.ts";
import { toBase64 } from "../../lib/config/base64.ts";
import { tokenSecrets } from "../../lib/config/invite.ts";
import { Registry } from "../../lib/config/registry.ts";
import { frameInitiation } from "../../lib/protocol/hello.ts";
import { INITIATION_OVERHEAD } from "../../lib/protocol/noise.ts";
import { DropReason } from "../../lib/session/counters.ts";
import {
  HANDSHAKE_TIMEOUT,
  REJECT_AFTER_TIME,
  REKEY_AFTER_TIME,
} from "../../lib/session/limits.ts";
import type { Credentials } from "./introducer.ts";
import { ipv4Packet, ipv6Packet } from "./packets.ts";
import type { ServerNode } from "./server_node.ts";
import { enrolled, join, secureWorld, strangerTo } from "./secure_scene.ts";
import { World } from "./world.ts";

const SERVER = "10.0.0.1";

/** Adds an invite; returns what a client makes of its token. */
function invited(world: World, server: ServerNode, name: string): Credentials["invite"] {
  const token = world.random.bytes(16);
  server.door.change((registry) =>
    registry.addInvite({
      name,
      token: toBase64(token),
      address: undefined,
      routes: [],
      created: 0,
      expires: Number.MAX_SAFE_INTEGER / 2,
      state: "open",
      usedBy: undefined,
    })
  );
  return tokenSecrets(token);
}

Deno.test("an invited client is enrolled, and comes back with its key alone", () => {
  const { world, server } = secureWorld();
  const credentials = { ...strangerTo(world, server), invite: invited(world, server, "pi") };
  const client = world.connectClient({ credentials });
  assertEquals([client.address, client.configuration!.name], ["10.0.0.2", "pi"]);
  client.stop();
  world.settle();
  const { invite: _, ...key } = credentials;
  assertEquals(world.connectClient({ credentials: key }).address, "10.0.0.2");
  assertEquals(server.changes, ["10.0.0.2 enrolled", "10.0.0.2 left", "10.0.0.2 enrolled"]);
});

Deno.test("a client that was invited outlives its invite, which a server forgets in the end", () => {
  const { world, server } = secureWorld();
  const credentials = { ...strangerTo(world, server), invite: invited(world, server, "pi") };
  const pi = world.connectClient({ credentials });
  server.door.change(({ peers }) => new Registry(peers, []));
  pi.wire.break();
  world.clock.waitUntil(() => !pi.isUp);
  world.clock.waitUntil(() => pi.isUp, 10_000);
});

Deno.test("of two clients that race with one invite, one gets in and the other is told", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { world, server } = secureWorld(seed);
    const invite = invited(world, server, "pi");
    const clients = [0, 1].map(() =>
      world.startClient({ credentials: { ...strangerTo(world, server), invite } })
    );
    world.clock.run(20_000);
    assertEquals(clients.filter(({ isUp }) => isUp).length, 1, `seed ${seed}`);
    assertEquals(server.door.registry.peers.length, 1);
    const ends = clients.flatMap((client) => client.told("gave_up"));
    for (const { reason } of ends) assertMatch(reason, /used before/);
  }
});

Deno.test("a client that the server does not know gets nothing, and is reset after 5 s", () => {
  const { world, server } = secureWorld();
  const client = world.startClient({ credentials: strangerTo(world, server) });
  world.clock.run(HANDSHAKE_TIMEOUT + 3000);
  const [wire] = client.wires;
  assertEquals(wire!.server.sent, []);
  assert(wire!.server.isClosed);
  assertEquals([client.isUp, server.changes], [false, []]);
});

Deno.test("rubbish, cut hellos and copies of old ones get nothing, all alike", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  const hello = pi.wire.client.sent[0]!.bytes;
  const random = frameInitiation(world.random.bytes(INITIATION_OVERHEAD + 64));
  const cuts = Array.from(
    { length: 30 },
    (_, i) => hello.subarray(0, Math.floor(i * hello.length / 30)),
  );
  for (
    const bytes of [hello, random, Uint8Array.from([...hello, 0]), world.random.bytes(300), ...cuts]
  ) {
    const begun = world.clock.now;
    const puppet = world.connectPuppet();
    if (bytes.length > 0) puppet.send(bytes);
    world.clock.waitUntil(() => puppet.isClosed);
    assertEquals(puppet.packets, []);
    const took = world.clock.now - begun;
    assert(took >= HANDSHAKE_TIMEOUT && took < HANDSHAKE_TIMEOUT + 500, `${took}`);
  }
  assert(pi.isUp);
});

Deno.test("a copy of an old hello is one also after the server was started anew", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  const hello = pi.wire.client.sent[0]!.bytes;
  pi.stop();
  server.stop();
  server.start();
  const puppet = world.connectPuppet();
  puppet.send(hello);
  world.clock.waitUntil(() => puppet.isClosed);
  assertEquals(puppet.packets, []);
});

Deno.test("packets pass between two clients, and to and from the server, in order", () => {
  const { world, server } = secureWorld();
  const [one, two] = [join(world, server, "one"), join(world, server, "two")];
  const packets = (from: string, to: string): Uint8Array[] =>
    Array.from({ length: 50 }, (_, i) => ipv4Packet(from, to, world.random.bytes(1 + 20 * i)));
  const [across, up, down] = [
    packets("10.0.0.2", "10.0.0.3"),
    packets("10.0.0.2", SERVER),
    packets(SERVER, "10.0.0.3"),
  ];
  for (let i = 0; i < 50; i++) {
    one.send(across[i]!);
    one.send(up[i]!);
    server.send(down[i]!);
    if (i % 7 === 0) world.clock.run(10);
  }
  world.settle();
  assertEquals(server.tun, up);
  const isDown = (packet: Uint8Array): boolean => packet[15] === 1;
  assertEquals(two.tun.filter((packet) => !isDown(packet)), across);
  assertEquals(two.tun.filter(isDown), down);
});

Deno.test("spoofed sources are dropped and counted, and nothing else of the batch", () => {
  const { world, server } = secureWorld();
  const [one, two] = [join(world, server, "one"), join(world, server, "two")];
  // The client itself would not send them: as one with two identities' keys mixed up would.
  const good = ipv4Packet("10.0.0.2", "10.0.0.3");
  for (const packet of [ipv4Packet("10.0.0.3", SERVER), ipv6Packet(), good]) one.send(packet);
  world.settle();
  assertEquals(two.tun, [good]);
  assertEquals(one.counters.dropped(DropReason.SourceAddress), 2);
  const lan = join(world, server, "lan", { routes: [parsePrefix("192.168.7.0/24")] });
  for (const source of ["192.168.7.9", "192.168.8.9", "10.0.0.2", "10.0.0.4"]) {
    lan.send(ipv4Packet(source, SERVER));
  }
  world.settle();
  assertEquals(server.tun.length, 2);
  assertEquals(lan.counters.dropped(DropReason.SourceAddress), 2);
});

Deno.test("the server takes nothing from a source that is not the client's any more", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi", { routes: [parsePrefix("192.168.7.0/24")] });
  pi.send(ipv4Packet("192.168.7.9", SERVER));
  world.settle();
  // The registry changes while a packet of before is on its way.
  server.door.delay = [0, 0];
  pi.wire.stall(500);
  pi.send(ipv4Packet("192.168.7.9", SERVER));
  server.door.change((registry) => registry.changePeer("pi", { routes: [] }));
  world.settle();
  assertEquals(server.tun.length, 1);
  assertEquals(server.counters.dropped(DropReason.SourceAddress), 1);
});

Deno.test("a second connection of one identity takes over at once", () => {
  const { world, server } = secureWorld();
  const credentials = enrolled(world, server, "pi");
  const first = world.connectClient({ credentials });
  world.clock.run(5000);
  const second = world.connectClient({ credentials });
  world.settle();
  assertMatch(first.told("down")[0]!.reason, /the same identity has connected/);
  server.send(ipv4Packet(SERVER, "10.0.0.2"));
  world.settle();
  assertEquals([first.tun.length, second.tun.length], [0, 1]);
});

Deno.test("a removed peer is cut off at once; a disabled one comes back when it may", () => {
  const { world, server } = secureWorld();
  const [gone, off] = [join(world, server, "gone"), join(world, server, "off")];
  server.door.change((registry) =>
    registry.removePeer("gone").changePeer("off", { enabled: false })
  );
  world.settle();
  assertMatch(gone.told("gave_up")[0]!.reason, /removed/);
  assertMatch(off.told("down")[0]!.reason, /disabled/);
  world.clock.run(60_000);
  assertEquals([gone.isUp, off.isUp], [false, false]);
  server.door.change((registry) => registry.changePeer("off", { enabled: true }));
  world.clock.run(60_000);
  assertEquals([gone.isUp, off.isUp], [false, true]);
});

Deno.test("a peer whose address the server cannot use comes back when it has another", () => {
  const { world, server } = secureWorld();
  const client = join(world, server, "moved");
  const give = (address: string): void =>
    server.door.change((registry) => registry.changePeer("moved", { address: parseIpv4(address) }));
  give("10.99.0.9");
  world.settle();
  assertMatch(client.told("down")[0]!.reason, /cannot be used/);
  world.clock.run(60_000);
  assertEquals([client.isUp, client.told("gave_up").length], [false, 0]);
  give("10.0.0.9");
  world.clock.run(60_000);
  assertEquals([client.isUp, client.address], [true, "10.0.0.9"]);
});

Deno.test("peers whose addresses are exchanged are told, and have each other's", () => {
  const { world, server } = secureWorld();
  const [one, two] = [join(world, server, "one"), join(world, server, "two")];
  server.door.change((registry) =>
    registry.changePeer("one", { address: parseIpv4("10.0.0.9") })
      .changePeer("two", { address: parseIpv4("10.0.0.2") })
      .changePeer("one", { address: parseIpv4("10.0.0.3") })
  );
  world.settle();
  assertEquals([one.address, two.address], ["10.0.0.3", "10.0.0.2"]);
  server.send(ipv4Packet(SERVER, "10.0.0.3"));
  world.settle();
  assertEquals([one.tun.length, two.tun.length], [1, 0]);
});

Deno.test("keys are renewed while packets flow, and none is lost, doubled or out of order", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  server.door.delay = [0, 200];
  let count = 0;
  const numbers = new Set<number>();
  for (const end = world.clock.now + 5 * REKEY_AFTER_TIME; world.clock.now < end;) {
    const payload = Uint8Array.of(count >> 16, count >> 8, count);
    pi.send(ipv4Packet("10.0.0.2", SERVER, payload));
    server.send(ipv4Packet(SERVER, "10.0.0.2", payload));
    count++;
    world.clock.run(world.random.integer(1, 400));
  }
  world.settle();
  assertEquals([pi.wires.length, pi.isUp], [1, true]);
  for (const { bytes } of pi.wire.client.sent.slice(1)) numbers.add(bytes[0]!);
  assert(numbers.size >= 5, `${numbers.size} keys`);
  for (const received of [pi.tun, server.tun]) {
    const payloads = received.map((packet) => packet.subarray(-3));
    assertEquals(payloads.length, count);
    assert(payloads.every(([a, b, c], i) => a! * 65536 + b! * 256 + c! === i));
  }
});

Deno.test("a server that makes no new keys loses its clients after 180 s, for new connections", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  const begun = world.clock.now;
  world.clock.run(REKEY_AFTER_TIME - 5000);
  server.door.pause();
  world.clock.waitUntil(() => pi.told("down").length > 0);
  const took = world.clock.now - begun;
  assert(took > REJECT_AFTER_TIME - 1000 && took < REJECT_AFTER_TIME + 1000, `${took}`);
  server.door.resume();
  world.clock.waitUntil(() => pi.isUp);
});

Deno.test("a dead path is noticed by both ends within their timeouts, by pings", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  world.clock.run(100_000);
  assertEquals(pi.wires.length, 1);
  const silenced = world.clock.now;
  pi.wire.silence();
  world.clock.waitUntil(() => pi.told("down").length > 0 && server.told("left").length > 0);
  assert(world.clock.now - silenced <= 62_000);
  world.clock.waitUntil(() => pi.isUp);
});

Deno.test("classic clients never get what belongs to a peer, connected or not", () => {
  const world = new World();
  const server = world.startServer({ classic: true });
  const credentials = enrolled(world, server, "pi", { address: parseIpv4("10.0.0.254") });
  world.settle();
  assertEquals(world.connectClient().address, "10.0.0.253");
  const asking = world.startClient({ address: "10.0.0.254" });
  world.clock.run(5000);
  assertEquals(asking.told("gave_up").length, 1);
  const adopting = world.connectPuppet();
  adopting.send(ipv4Packet("10.0.0.254", SERVER));
  world.settle();
  assertEquals(server.tun, []);
  assertEquals(world.connectClient({ credentials }).address, "10.0.0.254");
});

Deno.test("isolated peers reach the server, and no other peer", () => {
  const { world, server } = secureWorld();
  const [open, shut] = [
    join(world, server, "open"),
    join(world, server, "shut", { isolated: true }),
  ];
  open.send(ipv4Packet("10.0.0.2", "10.0.0.3"));
  shut.send(ipv4Packet("10.0.0.3", "10.0.0.2"));
  shut.send(ipv4Packet("10.0.0.3", SERVER));
  world.settle();
  assertEquals([open.tun.length, shut.tun.length, server.tun.length], [0, 0, 1]);
  assertEquals(server.counters.dropped(DropReason.Isolated), 2);
});

Deno.test("peers are told of networks behind others at once, and reach them", () => {
  const { world, server } = secureWorld();
  const [lan, pi, shut] = [
    join(world, server, "lan", { routes: [parsePrefix("192.168.7.0/24")] }),
    join(world, server, "pi"),
    join(world, server, "shut", { isolated: true }),
  ];
  const routesOf = (client: typeof pi): string[] | undefined =>
    (client.told("changed").at(-1)?.configuration ?? client.configuration)?.routes.map(String);
  assertEquals([pi, lan, shut].map(routesOf), [["192.168.7.0/24"], [], []]);
  pi.send(ipv4Packet("10.0.0.3", "192.168.7.9"));
  world.settle();
  assertEquals(lan.tun.length, 1);
  const route = parsePrefix("192.168.8.0/24");
  server.door.change((registry) => registry.changePeer("lan", { routes: [route] }));
  world.settle();
  assertEquals([pi, lan, shut].map(routesOf), [["192.168.8.0/24"], [], []]);
  server.door.change((registry) => registry.changePeer("lan", { isolated: true }));
  world.settle();
  assertEquals([pi, lan, shut].map(routesOf), [[], [], []]);
});

Deno.test("1,000 silent connections, from one network and from many, keep nobody out", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  const hosts = Array.from({ length: 500 }, () => world.newHost());
  for (const host of hosts) world.connectPuppet(host).send(Uint8Array.of(0x53));
  for (let i = 0; i < 500; i++) world.connectPuppet("198.51.100.9");
  assert(server.connections.length <= 513, `${server.connections.length}`);
  const begun = world.clock.now;
  join(world, server, "late");
  assert(world.clock.now - begun < 2000);
  assertEquals(pi.wires.length, 1);
});

const TAMPERINGS: Record<string, (unit: Uint8Array) => Uint8Array[]> = {
  "changed": (unit) => [unit.map((byte, i) => i === unit.length >> 1 ? byte ^ 1 : byte)],
  "left out": () => [],
  "doubled": (unit) => [unit, unit],
};
for (const [what, tamper] of Object.entries(TAMPERINGS)) {
  Deno.test(`a record that is ${what} on the way ends the connection, and the client comes back`, () => {
    const { world, server } = secureWorld();
    const pi = join(world, server, "pi");
    const { client } = pi.wire;
    const number = client.sent.length + 2;
    client.tamper = (unit, i) => i === number ? tamper(unit) : [unit];
    for (let i = 0; i < 6; i++) {
      pi.send(ipv4Packet("10.0.0.2", SERVER, Uint8Array.of(i)));
      world.clock.run(100);
    }
    world.clock.waitUntil(() => pi.wires.length === 2 && pi.isUp);
    const payloads = server.tun.map((packet) => packet.at(-1));
    assertEquals(payloads.slice(0, 2), [0, 1]);
    assert(!payloads.includes(what === "doubled" ? 3 : 2));
    assertEquals(server.counters.dropped(DropReason.Forged), 1);
  });
}
