/** Packets of 1280 bytes, which IPv6 needs, over UDP where a datagram holds less. */
import { assert, assertEquals } from "@std/assert";
import { parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { formatAddress } from "../../lib/address/ip_address.ts";
import { Capability } from "../../lib/protocol/hello.ts";
import { DropReason } from "../../lib/session/counters.ts";
import { DATAGRAM_LEAST } from "../../lib/session/limits.ts";
import type { ClientNode } from "./client_node.ts";
import { ipv4Packet, ipv6Packet } from "./packets.ts";
import { enrolled, secureWorld } from "./secure_scene.ts";
import type { ServerNode } from "./server_node.ts";
import type { World } from "./world.ts";

const MTU = 1280;
const SERVER = { 4: "10.0.0.1", 6: "fd00::1" } as const;
const VERSIONS = [4, 6] as const;

type Version = typeof VERSIONS[number];

function narrowWorld(
  seed = 1,
  capabilities: number = Capability.Parts,
): { world: World; server: ServerNode } {
  const scene = secureWorld(seed, { network6: "fd00::/64", capabilities });
  scene.world.network.datagrams.longest = DATAGRAM_LEAST;
  return scene;
}

/** A client that knows what its path takes. */
function join(
  { world, server }: ReturnType<typeof narrowWorld>,
  name: string,
  capabilities: number = Capability.Parts,
): ClientNode {
  const credentials = enrolled(world, server, name);
  const node = world.connectClient({ credentials, carriers: ["udp"], capabilities });
  world.clock.run(10_000);
  return node;
}

function addressOf(node: ClientNode, version: Version): string {
  return version === 4 ? node.address : formatAddress(node.configuration!.address6!.address);
}

function packet(version: Version, from: string, to: string, payload: Uint8Array): Uint8Array {
  return version === 4 ? ipv4Packet(from, to, payload) : ipv6Packet(from, to, payload);
}

/** A packet of this length that is like no other. */
function packetOf(
  world: World,
  version: Version,
  from: string,
  to: string,
  length = MTU,
): Uint8Array {
  return packet(version, from, to, world.random.bytes(length - (version === 4 ? 20 : 40)));
}

for (const version of VERSIONS) {
  Deno.test(`IPv${version} packets of 1280 bytes pass both ways, and from client to client`, () => {
    const scene = narrowWorld();
    const { world, server } = scene;
    const [pi, nas] = [join(scene, "pi"), join(scene, "nas")];
    assertEquals([pi.mtu, nas.mtu], [MTU, MTU]);
    const [ofPi, ofNas] = [pi, nas].map((node) => addressOf(node, version)) as [string, string];
    const up = packetOf(world, version, ofPi, SERVER[version]);
    const down = packetOf(world, version, SERVER[version], ofPi);
    const across = packetOf(world, version, ofNas, ofPi);
    pi.send(up);
    server.send(down);
    world.settle();
    nas.send(across);
    world.settle();
    assertEquals([server.tun, pi.tun], [[up], [down, across]]);
    // One byte more is too much, as the server says.
    server.send(packetOf(world, version, SERVER[version], ofPi, MTU + 1));
    const [, error] = server.tun;
    assertEquals(error!.subarray(version === 4 ? 26 : 46).subarray(0, 2), Uint8Array.of(5, 0));
  });
}

Deno.test("packets in two parts pass whole and once, or not, whatever happens to datagrams", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const scene = narrowWorld(seed);
    const { world, server } = scene;
    const pi = join(scene, "pi");
    Object.assign(world.network.datagrams, { loss: 0.1, doubling: 0.2, delay: [1, 200] });
    const sent: { up: string[]; down: string[] } = { up: [], down: [] };
    for (let i = 0; i < 500; i++) {
      const version = world.random.pick(VERSIONS);
      const length = world.random.pick([60, 1194, 1195, MTU]);
      const [own, other] = [addressOf(pi, version), SERVER[version]];
      const up = packetOf(world, version, own, other, length);
      const down = packetOf(world, version, other, own, length);
      pi.send(up);
      server.send(down);
      sent.up.push(String(up));
      sent.down.push(String(down));
      world.clock.run(world.random.integer(0, 120));
    }
    world.settle();
    for (const [packets, came] of [[sent.up, server.tun], [sent.down, pi.tun]] as const) {
      const known = new Set(packets);
      const distinct = new Set(came.map(String));
      assertEquals(distinct.size, came.length, "None is doubled");
      assert([...distinct].every((packet) => known.has(packet)), "None is made of two");
      // Of those in two parts both must arrive.
      const rate = came.length / packets.length;
      assert(rate > 0.75 && rate < 0.95, `${rate}`);
    }
    assertEquals(pi.told("down"), []);
    assert(server.counters.dropped(DropReason.Incomplete) > 0);
  }
});

Deno.test("a packet in two parts is checked as a whole: it must come from its sender's address", () => {
  const scene = narrowWorld();
  const { world, server } = scene;
  const pi = join(scene, "pi");
  const [own, other] = [addressOf(pi, 6), "10.0.0.99"];
  // The client, to which nothing comes, does not know that it has another address now.
  world.network.datagrams.blocks = (from) => from === "server";
  server.door.change((registry) =>
    registry.changePeer("pi", { address: parseIpv4(other) as number })
  );
  world.settle();
  pi.send(packetOf(world, 6, own, SERVER[6]));
  world.settle();
  assertEquals(server.tun, []);
  assertEquals(server.counters.dropped(DropReason.SourceAddress), 1);
});

Deno.test("who does not know of parts is sent none, and has the MTU that goes without", () => {
  for (const [ofServer, ofClient] of [[0, Capability.Parts], [Capability.Parts, 0], [0, 0]]) {
    const scene = narrowWorld(1, ofServer!);
    const { world, server } = scene;
    const pi = join(scene, "pi", ofClient!);
    const most = DATAGRAM_LEAST - 38;
    assertEquals(pi.mtu, most);
    const [whole, long] = [most, most + 1].map((length) =>
      packetOf(world, 4, SERVER[4], pi.address, length)
    );
    server.send(whole!);
    server.send(long!);
    world.settle();
    assertEquals([pi.tun, server.counters.dropped(DropReason.TooLong)], [[whole], 1]);
  }
});
