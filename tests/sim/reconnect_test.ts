import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  BACKOFF_FIRST,
  BACKOFF_JITTER,
  BACKOFF_LONGEST,
  BACKOFF_RESET,
  CLIENT_TIMEOUT,
  RECLAIM_TIME,
  SERVER_TIMEOUT,
} from "../../lib/session/limits.ts";
import type { ClientNode } from "./client_node.ts";
import { ipv4Packet, summaries } from "./packets.ts";
import { World } from "./world.ts";

/** A server and a client whose connection fell silent without either being told. */
function loseThePath(address?: string): { world: World; client: ClientNode } {
  const world = new World();
  world.startServer();
  world.connectClient();
  const client = world.connectClient({ address });
  client.wire.silence();
  return { world, client };
}

/** The longest that a pause can be which is `pause` without jitter. */
function stretched(pause: number): number {
  return pause * (1 + BACKOFF_JITTER);
}

/** Whether a pause is a first one. */
function isFirst(pause: number): boolean {
  return pause >= BACKOFF_FIRST && pause < stretched(BACKOFF_FIRST);
}

Deno.test("a client that is told of a break connects again within a second", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient();
  client.wire.break();
  world.clock.waitUntil(() => client.told("up").length === 2, 1000);
  assertEquals(client.events.map(({ type }) => type), ["up", "down", "up"]);
  assertMatch(client.told("down")[0]!.reason, /the connection broke/);
  assertEquals([server.told("left").length, server.told("stranger").length], [1, 0]);
});

Deno.test("packets pass again after a break, both ways", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient({ address: "10.0.0.7" });
  client.send(ipv4Packet("10.0.0.7", "10.0.0.1", new Uint8Array(5000)));
  client.wire.break();
  world.clock.waitUntil(() => client.told("up").length === 2);
  client.send(ipv4Packet("10.0.0.7", "10.0.0.2"));
  server.send(ipv4Packet("10.0.0.1", "10.0.0.7"));
  world.settle();
  assertEquals(summaries(server.tun), ["10.0.0.7 > 10.0.0.2"]);
  assertEquals(summaries(client.tun), ["10.0.0.1 > 10.0.0.7"]);
});

Deno.test("a client comes back when its server does, with the same address", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient();
  const other = world.connectClient();
  const addresses = [client.address, other.address];
  server.stop();
  world.clock.run(30_000);
  assert(client.told("failed").every(({ reason }) => reason === "connection refused"));
  server.start();
  world.clock.waitUntil(() => client.isUp && other.isUp);
  assertEquals([client.address, other.address], addresses);
});

Deno.test("a client comes back when its server's machine was cut off from power", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient();
  const { address } = client;
  server.powerCut();
  world.clock.run(5000);
  server.start();
  world.clock.waitUntil(() => client.told("up").length === 2, CLIENT_TIMEOUT + 1000);
  assertEquals(client.address, address);
});

Deno.test("a client insists on its address while the server holds it for the dead connection", () => {
  const { world, client } = loseThePath();
  const { address } = client;
  world.clock.waitUntil(() => client.told("up").length === 2);
  const [down, ...more] = client.told("down");
  const refused = client.told("refused");
  assertMatch(down!.reason, /silent/);
  assertEquals([more.length, client.address], [0, address]);
  assert(refused.length >= 2);
  const [first, second] = client.told("up");
  assertEquals(new Set(refused.map(({ address }) => address)), new Set([first!.address]));
  const most = SERVER_TIMEOUT + stretched(BACKOFF_LONGEST) + 1000;
  assert(second!.time - first!.time <= most);
});

Deno.test("a client that demands an address waits for it even when it has to come back", () => {
  const { world, client } = loseThePath("10.0.0.7");
  world.clock.waitUntil(() => client.told("up").length === 2);
  assert(client.told("refused").length >= 2);
  assertEquals([client.address, client.told("gave_up").length], ["10.0.0.7", 0]);
});

Deno.test("a client takes another address when its own stays with somebody else", () => {
  const { world, client } = loseThePath();
  const { address } = client;
  world.network.block(client.host);
  world.clock.run(SERVER_TIMEOUT);
  assertEquals(world.connectClient({ address }).address, address);
  world.network.unblock(client.host);
  world.clock.waitUntil(() => client.told("up").length === 2);
  assert(client.address !== address);
  const lost = client.told("down")[0]!.time;
  assert(client.told("refused").every(({ time }) => time < lost + RECLAIM_TIME + 1000));
  assert(client.told("up")[1]!.time >= lost + RECLAIM_TIME);
});

Deno.test("a client that demands an address takes no other, however long it has to wait", () => {
  const { world, client } = loseThePath("10.0.0.7");
  world.network.block(client.host);
  world.clock.run(SERVER_TIMEOUT);
  const usurper = world.connectClient({ address: "10.0.0.7" });
  world.network.unblock(client.host);
  world.clock.run(3_600_000);
  assertEquals(client.isUp, false);
  usurper.stop();
  world.clock.waitUntil(() => client.isUp);
  assertEquals(client.address, "10.0.0.7");
});

Deno.test("pauses double from 0.25 s up to 30 s, each stretched at random", () => {
  const world = new World();
  const client = world.startClient();
  world.clock.run(600_000);
  const pauses = client.told("failed").map(({ retry }) => retry);
  assert(pauses.length > 20);
  for (const [i, pause] of pauses.entries()) {
    const least = Math.min(BACKOFF_FIRST * 2 ** i, BACKOFF_LONGEST);
    assert(pause >= least && pause < stretched(least), `pause ${i} is ${pause} ms`);
  }
  const longest = pauses.slice(8);
  assert(Math.max(...longest) - Math.min(...longest) > 1000, "the longest ones differ");
  assertEquals([BACKOFF_FIRST, stretched(BACKOFF_LONGEST)], [250, 30_000]);
});

Deno.test("two clients that lose their server together do not come back in step", () => {
  const world = new World();
  const server = world.startServer();
  const clients = [1, 2].map(() => world.connectClient());
  server.stop();
  world.clock.run(60_000);
  const [first, second] = clients.map((client) => client.told("failed").map(({ retry }) => retry));
  assert(first!.slice(0, 5).some((pause, i) => Math.abs(pause - second![i]!) > 10));
});

Deno.test("a client tries again when the pause that it told of is over", () => {
  const world = new World();
  const client = world.startClient();
  world.clock.run(60_000);
  const due = client.told("failed").map(({ time, retry }) => time + retry);
  assertEquals(client.resolves.slice(1), due.slice(0, client.resolves.length - 1));
});

Deno.test("the first pause after a good connection is a short one", () => {
  const world = new World();
  const server = world.startServer();
  const client = world.connectClient();
  for (let i = 0; i < 10; i++) {
    world.clock.run(BACKOFF_RESET);
    server.stop();
    world.clock.run(20_000);
    server.start();
    world.clock.waitUntil(() => client.isUp);
  }
  assertEquals(client.told("down").length, 10);
  assert(client.told("down").every(({ retry }) => isFirst(retry)));
});

Deno.test("pauses go on growing while connections are lost as soon as they are made", () => {
  const world = new World();
  world.startServer();
  const client = world.startClient();
  for (let i = 0; i < 10; i++) {
    world.clock.waitUntil(() => client.isUp);
    world.clock.run(BACKOFF_RESET / 2);
    client.wire.break();
    world.clock.waitUntil(() => !client.isUp);
  }
  const pauses = client.told("down").map(({ retry }) => retry);
  assert(isFirst(pauses[0]!));
  assert(pauses.slice(7).every((pause) => pause >= BACKOFF_LONGEST));
});

Deno.test("a client asks for the server's name again before each attempt", () => {
  const world = new World();
  world.startServer();
  const client = world.connectClient();
  client.wire.break();
  world.clock.waitUntil(() => client.told("up").length === 2);
  assertEquals(client.resolves.length, 2);
});
