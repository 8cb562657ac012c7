/** A client with a list of servers. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  BACKOFF_JITTER,
  BACKOFF_LONGEST,
  CLIENT_TIMEOUT,
  SERVER_TIMEOUT,
} from "../../lib/session/limits.ts";
import { keyPairOf } from "../../lib/protocol/x25519.ts";
import { toBase64 } from "../../lib/config/base64.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import type { ClientNode } from "./client_node.ts";
import type { Credentials } from "./introducer.ts";
import { ipv4Packet, summaries } from "./packets.ts";
import type { ServerNode } from "./server_node.ts";
import { World } from "./world.ts";

const BOTH: readonly Carrier[] = ["tcp", "udp"];

interface Scene {
  publicKey: Uint8Array;
  world: World;
  servers: ServerNode[];
  client: ClientNode;
}

/** Servers that all know one client, which has all of them in its list. */
function scene(count: number, seed = 1, carriers = BOTH): Scene {
  const world = new World(seed);
  const names = Array.from({ length: count }, (_, i) => `server${i}`);
  const servers = names.map((name) => world.startServer({ classic: false }, name));
  const identity = keyPairOf(world.random.bytes(32));
  for (const server of servers) enrol(server, identity.publicKey);
  const credentials: Credentials = {
    identity,
    servers: servers.map(({ door }) => door.identity.publicKey),
  };
  const [first, ...others] = names.map((name) => [name]);
  const client = world.startClient({ credentials, servers: first!, others, carriers });
  return { publicKey: identity.publicKey, world, servers, client };
}

function enrol({ door }: ServerNode, publicKey: Uint8Array): void {
  door.change((registry) =>
    registry.addPeer({
      name: "pi",
      publicKey: toBase64(publicKey),
      address: undefined,
      routes: [],
      enabled: true,
      isolated: false,
      created: 0,
    })
  );
}

function waitForUp({ world, client }: Scene, server: number, most?: number): void {
  world.clock.waitUntil(() => client.isUp && client.told("up").at(-1)!.server === server, most);
}

/** Asserts that packets pass to a server and back. */
function assertPasses({ world, servers, client }: Scene, server: number): void {
  const { tun } = servers[server]!;
  const [before, beforeClient] = [tun.length, client.tun.length];
  client.send(ipv4Packet(client.address, "10.0.0.1"));
  servers[server]!.send(ipv4Packet("10.0.0.1", client.address));
  world.settle();
  assertEquals(summaries(tun.slice(before)), [`${client.address} > 10.0.0.1`]);
  assertEquals(summaries(client.tun.slice(beforeClient)), [`10.0.0.1 > ${client.address}`]);
}

Deno.test("a client takes the first server of its list, and lets the others be", () => {
  const it = scene(3);
  waitForUp(it, 0);
  it.world.clock.run(600_000);
  assertEquals(it.client.told("up").map(({ server }) => server), [0]);
  assertEquals(it.servers.slice(1).map(({ tun }) => tun.length), [0, 0]);
  assertPasses(it, 0);
});

Deno.test("a client begins with the second server where the first is not there, without a pause", () => {
  const it = scene(2);
  it.servers[0]!.stop();
  waitForUp(it, 1, 10_000);
  const [passed] = it.client.told("passed_over");
  assertEquals([passed!.server, passed!.next], [0, 1]);
  assertMatch(passed!.reason, /refused|did not answer/);
  assertEquals(it.client.told("failed"), []);
  assertPasses(it, 1);
});

for (const carriers of [["tcp"], ["udp"], BOTH] as const) {
  const by = carriers.join(" and ");
  Deno.test(`a client whose server is gone goes on to the next within seconds (${by})`, () => {
    const it = scene(2, 1, carriers);
    waitForUp(it, 0);
    it.servers[0]!.stop();
    waitForUp(it, 1, 15_000);
    assertPasses(it, 1);
  });

  Deno.test(`a client whose server is killed goes on to the next (${by})`, () => {
    const it = scene(2, 5, carriers);
    waitForUp(it, 0);
    // Long enough that both paths are there.
    it.world.clock.run(5_000);
    // Of TCP the server's kernel tells that it is gone; of UDP nobody does.
    it.world.network.datagrams.unbind("server0");
    for (const wire of it.client.wires) wire.break();
    it.world.clock.run(50);
    it.servers[0]!.powerCut();
    waitForUp(it, 1, carriers[0] === "tcp" ? 20_000 : SERVER_TIMEOUT);
    assertPasses(it, 1);
  });

  Deno.test(`a client whose server lost power goes on to the next (${by})`, () => {
    const it = scene(2, 2, carriers);
    waitForUp(it, 0);
    it.world.network.block("server0");
    it.servers[0]!.powerCut();
    waitForUp(it, 1, SERVER_TIMEOUT + 15_000);
    assertPasses(it, 1);
  });
}

Deno.test("a client stays with a server that merely starts anew", () => {
  const it = scene(2);
  waitForUp(it, 0);
  it.servers[0]!.stop();
  it.servers[0]!.start();
  it.world.clock.waitUntil(() => it.client.told("up").length === 2);
  assertEquals(it.client.told("up").map(({ server }) => server), [0, 0]);
});

Deno.test("a client does not leave a server that works for one that is back", () => {
  const it = scene(2);
  it.servers[0]!.stop();
  waitForUp(it, 1);
  it.servers[0]!.start();
  it.world.clock.run(3_600_000);
  assertEquals(it.client.told("up").length, 1);
  assertPasses(it, 1);
});

Deno.test("a client that is told to returns to the first server", () => {
  const it = scene(2);
  it.servers[0]!.stop();
  waitForUp(it, 1);
  it.servers[0]!.start();
  it.client.reconnect();
  waitForUp(it, 0, 5_000);
  assertEquals(it.client.told("down").map(({ retry }) => retry), [0]);
  assertPasses(it, 0);
  // The other has let it go.
  assertEquals(it.servers[1]!.told("left").length, 1);
});

Deno.test("a client that is told to return to a server that is away stays with the other", () => {
  const it = scene(2);
  it.servers[0]!.stop();
  waitForUp(it, 1);
  it.client.reconnect();
  it.world.clock.waitUntil(() => it.client.told("up").length === 2, 15_000);
  assertEquals(it.client.told("up").map(({ server }) => server), [1, 1]);
});

Deno.test("a client that lost the last server of its list comes round to the first", () => {
  const it = scene(3);
  for (const server of it.servers.slice(0, 2)) server.stop();
  waitForUp(it, 2);
  it.servers[0]!.start();
  it.servers[2]!.stop();
  waitForUp(it, 0, 15_000);
});

Deno.test("a client that a server removed goes on to the next, and gives up when none is left", () => {
  const it = scene(2);
  waitForUp(it, 0);
  it.servers[0]!.door.change((registry) => registry.removePeer("pi"));
  waitForUp(it, 1, 5_000);
  assertMatch(it.client.told("down")[0]!.reason, /removed/);
  it.servers[1]!.door.change((registry) => registry.removePeer("pi"));
  it.world.settle();
  assertEquals(it.client.told("gave_up").map(({ cause, server }) => [cause, server]), [[
    "rejected",
    1,
  ]]);
});

Deno.test("a client asks a server that removed it again when it is told to return", () => {
  const it = scene(2);
  waitForUp(it, 0);
  it.servers[0]!.door.change((registry) => registry.removePeer("pi"));
  waitForUp(it, 1);
  enrol(it.servers[0]!, it.publicKey);
  it.client.reconnect();
  waitForUp(it, 0, 5_000);
});

Deno.test("a client goes on from a server whose network it cannot be in, and gives up after the last", () => {
  const it = scene(2);
  waitForUp(it, 0);
  it.client.unusable(0);
  waitForUp(it, 1, 5_000);
  assertEquals(it.client.told("passed_over").map(({ reason }) => reason), ["it clashes"]);
  assertPasses(it, 1);
  it.world.settle();
  assertEquals(it.servers[0]!.held.size, 0, "the first has let it go");
  // Told too late: that connection is gone.
  it.client.unusable(0);
  assert(it.client.isUp);
  it.client.unusable(1);
  assertEquals(
    it.client.told("gave_up").map(({ cause, server, reason }) => [cause, server, reason]),
    [
      ["unusable", 1, "it clashes"],
    ],
  );
});

Deno.test("a client leaves a server out whose network it cannot be in until it is in another one", () => {
  const it = scene(2);
  const { clock } = it.world;
  waitForUp(it, 0);
  it.client.unusable(0);
  waitForUp(it, 1);
  it.servers[1]!.stop();
  clock.run(120_000);
  assertEquals(it.client.told("up").map(({ server }) => server), [0, 1]);
  it.client.networkChanged();
  waitForUp(it, 0, 60_000);
});

Deno.test("a client of one server whose network it cannot be in gives up", () => {
  const it = scene(1);
  waitForUp(it, 0);
  it.client.unusable(0);
  assertEquals(it.client.told("gave_up").map(({ cause }) => cause), ["unusable"]);
  assertEquals(it.client.deadline, Infinity);
});

Deno.test("a client passes over a server whose name does not exist, and gives up if none does", () => {
  const it = scene(2);
  it.client.nameless.add(0);
  waitForUp(it, 1, 5_000);
  assertEquals(it.client.told("passed_over").map(({ reason }) => reason), ["no such name"]);
  const other = scene(2);
  for (const server of [0, 1]) other.client.nameless.add(server);
  other.world.clock.waitUntil(() => other.client.told("gave_up").length > 0, 10_000);
  assertEquals(other.client.told("gave_up")[0]!.cause, "unresolved");
});

Deno.test("a client whose servers are all away tries each in each round, and pauses in between", () => {
  const it = scene(3, 3, ["tcp"]);
  for (const server of it.servers) server.stop();
  it.world.clock.run(300_000);
  const failed = it.client.told("failed");
  assert(failed.length > 8);
  assertEquals(it.client.told("passed_over").length / 2, failed.length);
  assert(failed.at(-1)!.retry >= BACKOFF_LONGEST);
  it.servers[1]!.start();
  waitForUp(it, 1, BACKOFF_LONGEST * (1 + BACKOFF_JITTER) + 2_000);
});

Deno.test("a server that disabled the client is left for the next at once", () => {
  const it = scene(2);
  waitForUp(it, 0);
  it.servers[0]!.door.change((registry) => registry.changePeer("pi", { enabled: false }));
  waitForUp(it, 1, 5_000);
});

Deno.test("a classic client goes on to the next server as well", () => {
  const world = new World(4);
  const servers = ["server", "second"].map((name) => world.startServer({}, name));
  const client = world.connectClient({ others: [["second"]] });
  servers[0]!.stop();
  world.clock.waitUntil(() => client.told("up").at(-1)!.server === 1, 15_000);
});

Deno.test("whichever servers come and go, a client is with one that is there", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const it = scene(3, seed);
    const { world, servers, client } = it;
    const running = servers.map(() => true);
    const toggle = (i: number): void => {
      if (running[i]) servers[i]!.stop();
      else servers[i]!.start();
      running[i] = !running[i];
    };
    for (let i = 0; i < 20; i++) {
      const pick = world.random.integer(0, 4);
      if (pick < 3) toggle(pick);
      else if (pick === 3) client.reconnect();
      else client.networkChanged();
      world.clock.run(world.random.integer(0, 60_000));
    }
    if (!running.includes(true)) toggle(world.random.integer(0, 2));
    world.clock.waitUntil(() => client.isUp && running[client.told("up").at(-1)!.server]!, 120_000);
    world.clock.run(CLIENT_TIMEOUT);
    assertPasses(it, client.told("up").at(-1)!.server);
    const sessions = servers.map(({ held }, i) => running[i] ? held.size : 0);
    assertEquals(sessions.reduce((sum, size) => sum + size), 1, `seed ${seed}`);
  }
});
