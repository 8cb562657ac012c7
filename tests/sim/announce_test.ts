/** Networks that clients announce, of which those are in force that are allowed. */
import { assertEquals } from "@std/assert";
import { parsePrefix } from "../../lib/address/prefix.ts";
import type { Peer } from "../../lib/config/registry.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import { DropReason } from "../../lib/session/counters.ts";
import type { ClientNode, ClientNodeOptions } from "./client_node.ts";
import { ipv4Packet, summaries } from "./packets.ts";
import { enrolled, join, secureWorld } from "./secure_scene.ts";
import type { ServerNode } from "./server_node.ts";
import type { World } from "./world.ts";

const BOTH: readonly Carrier[] = ["tcp", "udp"];
const SEVEN = ["192.168.7.9", "10.0.0.1"] as const;
const EIGHT = ["192.168.8.9", "10.0.0.1"] as const;

interface Scene {
  world: World;
  server: ServerNode;
  /** Which announces. */
  pi: ClientNode;
  /** Which is told of what is behind the pi. */
  laptop: ClientNode;
}

function start(allowed: readonly string[], options: ClientNodeOptions): Scene {
  const { world, server } = secureWorld();
  const laptop = join(world, server, "laptop");
  const credentials = enrolled(world, server, "pi", routes(...allowed));
  const pi = world.connectClient({ credentials, ...options });
  world.settle();
  return { world, server, pi, laptop };
}

function routes(...networks: string[]): Pick<Peer, "routes"> {
  return { routes: networks.map(parsePrefix) };
}

/** What clients were told last. */
function toldOf(client: ClientNode): { routes: string[]; prefixes: string[] } {
  const latest = client.told("changed").at(-1)?.configuration ?? client.configuration;
  return { routes: latest!.routes.map(String), prefixes: latest!.prefixes.map(String) };
}

/** Which networks behind the pi are in force, seen from everywhere. */
function check({ world, server, pi, laptop }: Scene, networks: readonly string[]): void {
  world.settle();
  assertEquals(toldOf(pi).prefixes, networks);
  assertEquals(toldOf(laptop).routes, networks);
  for (const [source, destination] of [SEVEN, EIGHT]) {
    const isThere = networks.some((network) => network.startsWith(source.slice(0, -1)));
    const before = [server.tun.length, pi.tun.length, laptop.tun.length];
    pi.send(ipv4Packet(source, destination));
    server.send(ipv4Packet(destination, source));
    laptop.send(ipv4Packet(laptop.address, source));
    world.settle();
    const news = summaries(pi.tun.slice(before[1]));
    assertEquals(news, isThere ? [`10.0.0.1 > ${source}`, `${laptop.address} > ${source}`] : []);
    const atServer = summaries(server.tun.slice(before[0]));
    assertEquals(
      atServer,
      isThere ? [`${source} > 10.0.0.1`] : [`${laptop.address} > ${source}`],
      "the pi sends from what is in force alone",
    );
    assertEquals(laptop.tun.length, before[2]);
  }
}

for (const carriers of [["tcp"], ["udp"], BOTH] as const) {
  const by = carriers.join(" and ");

  Deno.test(`of what is allowed that is in force which is announced (${by})`, () => {
    const allowed = ["192.168.7.0/24", "192.168.8.0/24"];
    check(start(allowed, { carriers, announce: ["192.168.7.0/24"] }), ["192.168.7.0/24"]);
    check(start(["192.168.0.0/16"], { carriers, announce: ["192.168.8.0/24"] }), [
      "192.168.8.0/24",
    ]);
    check(start(allowed, { carriers }), allowed);
  });

  Deno.test(`what is announced comes into force when it is allowed (${by})`, () => {
    const scene = start([], { carriers, announce: ["192.168.7.0/24"] });
    const { server, pi } = scene;
    check(scene, []);
    server.door.change((registry) => registry.changePeer("pi", routes("192.168.7.0/24")));
    check(scene, ["192.168.7.0/24"]);
    server.door.change((registry) => registry.changePeer("pi", routes()));
    check(scene, []);
    assertEquals(pi.told("up").length, 1, "nobody connects anew");
    assertEquals(pi.told("down"), []);
  });
}

Deno.test("a client that goes on over another path, or connects anew, has the same networks", () => {
  const announce = ["192.168.7.0/24"];
  const scene = start(["192.168.0.0/16"], { carriers: BOTH, announce });
  const { world, server, pi, laptop } = scene;
  check(scene, announce);
  world.network.datagrams.blocks = () => true;
  world.clock.run(120_000);
  check(scene, announce);
  world.network.datagrams.blocks = () => false;
  world.clock.run(120_000);
  check(scene, announce);
  const changes = laptop.told("changed").length;
  for (const wire of pi.wires) wire.silence();
  world.network.datagrams.blocks = () => true;
  world.clock.waitUntil(() => server.told("left").length > 0, 600_000);
  world.network.datagrams.blocks = () => false;
  world.clock.waitUntil(() => pi.told("up").length === 2, 600_000);
  check(scene, announce);
  assertEquals(laptop.told("changed").length, changes, "nothing changed for others");
});

Deno.test("a client that is started anew without an announcement has all that is allowed", () => {
  const { world, server } = secureWorld();
  const laptop = join(world, server, "laptop");
  const credentials = enrolled(world, server, "pi", routes("192.168.0.0/16"));
  const before = world.connectClient({ credentials, announce: ["192.168.7.0/24"] });
  world.settle();
  assertEquals(toldOf(laptop).routes, ["192.168.7.0/24"]);
  before.stop();
  world.settle();
  assertEquals(toldOf(laptop).routes, ["192.168.7.0/24"], "its last word counts");
  world.connectClient({ credentials });
  world.settle();
  assertEquals(toldOf(laptop).routes, ["192.168.0.0/16"]);
});

Deno.test("an announcement that is not allowed counts nothing and drops nothing", () => {
  const { world, server, pi } = start(["192.168.7.0/24"], {
    announce: ["192.168.7.0/24", "192.168.8.0/24"],
  });
  pi.send(ipv4Packet(...SEVEN));
  world.settle();
  assertEquals(server.counters.dropped(DropReason.SourceAddress), 0);
  assertEquals(server.tun.length, 1);
});
