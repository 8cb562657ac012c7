/** How a client chooses among the addresses of its server. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  ATTEMPT_DELAY,
  CONNECT_TIMEOUT,
  MAX_ATTEMPTS,
  RACE_TIME,
} from "../../lib/session/limits.ts";
import type { ClientNode } from "./client_node.ts";
import { MuteHost } from "./mute_host.ts";
import { reply } from "./packets.ts";
import { enrolled } from "./secure_scene.ts";
import type { ServerNode } from "./server_node.ts";
import type { Wire } from "./wire.ts";
import { World } from "./world.ts";

const FIRST = "2001:db8::1";
const SECOND = "192.0.2.1";

/** More than it takes to connect and to exchange keys where nothing is in the way. */
const PROMPT = 500;

interface Scene {
  world: World;
  server: ServerNode;
  /** Starts a client whose server has these addresses, by default the two. */
  start(servers?: string[]): ClientNode;
}

/** A secure server that is reached at these hosts. */
function scene(seed: number, ...hosts: string[]): Scene {
  const world = new World(seed);
  const server = world.startServer({ classic: false });
  for (const host of hosts) world.network.listen(host, server);
  const start = (servers = [FIRST, SECOND]): ClientNode =>
    world.startClient({ servers, credentials: enrolled(world, server, "pi") });
  return { world, server, start };
}

function everySeed(name: string, test: (seed: number) => void): void {
  Deno.test(name, () => {
    for (let seed = 1; seed <= 20; seed++) test(seed);
  });
}

/** Waits until a client is up; returns how long it took since it knew the addresses. */
function timeUntilUp({ world }: Scene, client: ClientNode): number {
  world.clock.waitUntil(() => client.isUp);
  return world.clock.now - client.resolves.at(-1)!;
}

/** Fails unless there is one connection only, and it is the client's. */
function assertAlone({ world, server }: Scene, client: ClientNode): void {
  world.clock.run(2 * CONNECT_TIMEOUT);
  assert(client.isUp);
  assertEquals(server.connections.length, 1);
  assertEquals(client.wires.filter((wire) => !wire.client.isClosed).length, 1);
  assertEquals(client.introducer!.links.size, 1);
}

everySeed("a client makes one connection where the first address answers", (seed) => {
  const it = scene(seed, FIRST, SECOND);
  const client = it.start();
  assert(timeUntilUp(it, client) < PROMPT);
  assertEquals([client.server, client.wires.length], [FIRST, 1]);
  assertAlone(it, client);
  assertEquals(it.server.told("stranger"), []);
});

everySeed("a client makes one connection to a server that is far away", (seed) => {
  const it = scene(seed, FIRST, SECOND);
  // The connection takes one round trip, and the answer another.
  it.world.network.distances.set(FIRST, [70, 70]);
  const client = it.start();
  assert(timeUntilUp(it, client) > ATTEMPT_DELAY);
  assertEquals([client.server, client.wires.length], [FIRST, 1]);
});

everySeed("a client goes on to the second address when the first is silent", (seed) => {
  const it = scene(seed, SECOND);
  it.world.network.block(FIRST);
  const client = it.start();
  const time = timeUntilUp(it, client);
  assert(time >= ATTEMPT_DELAY && time < ATTEMPT_DELAY + PROMPT, `${time} ms`);
  assertEquals([client.server, client.events.length], [SECOND, 1]);
  assertAlone(it, client);
});

everySeed("a client goes on at once when an address refuses", (seed) => {
  const it = scene(seed, SECOND);
  it.world.network.delay = [1, 5];
  const client = it.start();
  assert(timeUntilUp(it, client) < ATTEMPT_DELAY);
  assertEquals(client.server, SECOND);
});

everySeed("a client goes on when what takes its connection says nothing", (seed) => {
  const it = scene(seed, SECOND);
  const mute = new MuteHost(it.world.network, FIRST);
  const client = it.start();
  assert(timeUntilUp(it, client) < 100 + ATTEMPT_DELAY + PROMPT);
  assertEquals([client.server, mute.wires.length], [SECOND, 1]);
  it.world.settle();
  assertEquals(mute.open, 0);
  assertAlone(it, client);
});

everySeed("a client goes on at once when what answers is no server", (seed) => {
  const it = scene(seed, SECOND);
  it.world.network.delay = [1, 5];
  new MuteHost(it.world.network, FIRST, "SSH-2.0-banner\r\n");
  const client = it.start();
  assert(timeUntilUp(it, client) < ATTEMPT_DELAY);
  assertEquals([client.server, client.events.length], [SECOND, 1]);
});

everySeed("a slow address loses to a quick one, and its connection ends", (seed) => {
  const it = scene(seed, FIRST, SECOND);
  it.world.network.distances.set(FIRST, [400, 400]);
  const client = it.start();
  assert(timeUntilUp(it, client) < ATTEMPT_DELAY + PROMPT);
  assertEquals(client.server, SECOND);
  assertAlone(it, client);
  assertEquals(it.server.changes, ["10.0.0.2 enrolled"]);
});

everySeed("an answer that comes after another was taken changes nothing", (seed) => {
  const it = scene(seed, FIRST, SECOND);
  const client = it.start();
  client.prepare = (wire) => {
    if (client.wires.length === 1) wire.client.stall(2000);
  };
  timeUntilUp(it, client);
  const [late] = client.wires;
  assertEquals([client.server, late!.server.sent.length], [SECOND, 1]);
  assertAlone(it, client);
  assertEquals(client.events.length, 1);
  assertEquals(it.server.changes, ["10.0.0.2 enrolled"]);
});

everySeed("a client goes on when a server answers the handshake and nothing else", (seed) => {
  const it = scene(seed, FIRST, SECOND);
  const client = it.start();
  const onlyAnswer = (wire: Wire): void => {
    wire.server.tamper = (unit, number) => number === 0 ? [unit] : [];
  };
  client.prepare = (wire) => client.wires.length === 1 && onlyAnswer(wire);
  const time = timeUntilUp(it, client);
  assert(time >= CONNECT_TIMEOUT && time < CONNECT_TIMEOUT + 2 * PROMPT, `${time} ms`);
  assertEquals([client.server, client.events.length], [SECOND, 1]);
  assertAlone(it, client);
});

everySeed("a client that is not let in asks at no other address", (seed) => {
  const it = scene(seed, FIRST, SECOND);
  const client = it.start();
  it.server.door.change((registry) => registry.changePeer("pi", { enabled: false }));
  it.world.clock.waitUntil(() => client.events.length > 0);
  assertMatch(client.told("failed")[0]!.reason, /^the server says that /);
  assertEquals(client.wires.length, 1);
});

everySeed("a client tells once of all that it tried, and how it ended", (seed) => {
  const it = scene(seed);
  const { network } = it.world;
  network.block("2001:db8::2");
  network.block("192.0.2.2");
  new MuteHost(network, "2001:db8::3");
  new MuteHost(network, "192.0.2.4", "SSH-2.0-banner\r\n");
  const client = it.start([
    ...["2001:db8::3", "2001:db8::2", "192.0.2.2", "192.0.2.3", "192.0.2.4"],
  ]);
  it.world.clock.waitUntil(() => client.told("failed").length === 3);
  const [first, ...others] = client.told("failed");
  assertEquals(
    first!.reason,
    "192.0.2.2, 2001:db8::2: no answer within 5 s; 192.0.2.3: connection refused; " +
      "192.0.2.4: what answered is no simplevpn server; 2001:db8::3: the server did not answer the " +
      "handshake: does it know this client, and is the server key right?",
  );
  for (const { reason } of others) assertEquals(reason, first!.reason);
  assert(first!.time - client.resolves[0]! < CONNECT_TIMEOUT + 4 * ATTEMPT_DELAY + PROMPT);
});

Deno.test("a client has no more than MAX_ATTEMPTS connections at the same time", () => {
  const it = scene(1);
  const hosts = Array.from({ length: 12 }, (_, i) => `192.0.2.${i + 1}`);
  const mutes = hosts.map((host) => new MuteHost(it.world.network, host));
  const client = it.start(hosts);
  let most = 0;
  it.world.clock.waitUntil(() => {
    most = Math.max(most, client.wires.filter((wire) => !wire.client.isClosed).length);
    return client.told("failed").length > 0;
  });
  assertEquals(most, MAX_ATTEMPTS);
  assert(mutes.every(({ wires }) => wires.length === 1));
});

Deno.test("a client ends a race in time, however many addresses there are", () => {
  const it = scene(1);
  const hosts = Array.from({ length: 100 }, (_, i) => `192.0.2.${i + 1}`);
  for (const host of hosts) it.world.network.block(host);
  const client = it.start(hosts);
  it.world.clock.waitUntil(() => client.told("failed").length > 0);
  const time = client.told("failed")[0]!.time - client.resolves[0]!;
  assert(time >= RACE_TIME && time <= RACE_TIME + CONNECT_TIMEOUT + PROMPT, `${time} ms`);
});

everySeed("a client begins with the address that worked last", (seed) => {
  const it = scene(seed, SECOND);
  it.world.network.block(FIRST);
  const client = it.start();
  timeUntilUp(it, client);
  client.wire.break();
  it.world.clock.waitUntil(() => !client.isUp);
  timeUntilUp(it, client);
  const [up, again] = client.told("up");
  assertEquals([up!.candidate, again!.candidate, client.server], [1, 0, SECOND]);
  assertEquals(client.wires.length, 2);
  it.world.network.unblock(FIRST);
  it.world.network.listen(FIRST, it.server);
  it.world.network.block(SECOND);
  client.wire.break();
  it.world.clock.waitUntil(() => client.told("up").length === 3);
  assertEquals(client.server, FIRST);
});

everySeed("a client that ends while it connects leaves nothing behind", (seed) => {
  const it = scene(seed, FIRST, SECOND);
  it.world.network.distances.set(FIRST, [300, 300]);
  it.world.network.distances.set(SECOND, [300, 300]);
  const client = it.start();
  it.world.clock.run(it.world.random.integer(0, 1200));
  client.stop();
  it.world.clock.run(2 * CONNECT_TIMEOUT);
  assertEquals(it.server.connections, []);
  assert(client.wires.every((wire) => wire.client.isClosed));
});

Deno.test("whatever the addresses are like, a client finds the one that works, and keeps nothing else", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const it = scene(seed);
    const { network, random } = it.world;
    const hosts = Array.from(
      { length: random.integer(1, 8) },
      (_, i) => random.integer(0, 1) === 0 ? `192.0.2.${i}` : `2001:db8::${i}`,
    );
    const good = hosts[random.integer(0, hosts.length - 1)]!;
    for (const host of hosts) {
      const most = random.integer(1, 400);
      network.distances.set(host, [random.integer(1, most), most]);
      switch (host === good ? 0 : random.integer(0, 4)) {
        case 0:
          network.listen(host, it.server);
          break;
        case 1:
          network.block(host);
          break;
        case 2:
          new MuteHost(network, host);
          break;
        case 3:
          new MuteHost(network, host, "220 mail\r\n");
      }
    }
    const client = it.start(hosts);
    it.world.clock.waitUntil(() => client.isUp, 3 * CONNECT_TIMEOUT);
    assertAlone(it, client);
    assertEquals(client.events.length, 1, `seed ${seed}`);
    assertEquals(it.server.changes, ["10.0.0.2 enrolled"], `seed ${seed}`);
  }
});

everySeed("a classic client asks one server at a time", (seed) => {
  const world = new World(seed);
  const [first, second] = [FIRST, SECOND].map((host) => world.startPuppetServer(host));
  const client = world.startClient({ servers: [FIRST, SECOND] });
  world.clock.run(CONNECT_TIMEOUT);
  assertEquals([first!.puppets.length, second!.puppets.length], [1, 0]);
  world.clock.waitUntil(() => second!.puppets.length > 0);
  second!.puppets[0]!.send(reply("10.0.0.7"));
  world.clock.waitUntil(() => client.isUp);
  world.settle();
  assert(first!.puppets[0]!.isClosed);
  assertEquals(client.server, SECOND);
});

everySeed("a classic client gives the loser of a race another chance", (seed) => {
  const world = new World(seed);
  const server = world.startServer();
  world.network.listen(FIRST, server);
  world.network.distances.set(FIRST, [300, 300]);
  new MuteHost(world.network, SECOND);
  const client = world.connectClient({ servers: [FIRST, SECOND] });
  assertEquals([client.server, client.events.length], [FIRST, 1]);
  world.settle();
  assertEquals([server.connections.length, server.held.size], [1, 1]);
});

everySeed("a classic client that races for an address of its own is not refused it", (seed) => {
  const world = new World(seed);
  const server = world.startServer();
  for (const host of [FIRST, SECOND]) {
    world.network.listen(host, server);
    world.network.distances.set(host, [1, 400]);
  }
  const client = world.connectClient({ servers: [FIRST, SECOND], address: "10.0.0.7" });
  assertEquals([client.address, client.events.length], ["10.0.0.7", 1]);
});

everySeed(
  "a classic client that is refused its address asks at the others before it says so",
  (seed) => {
    const world = new World(seed);
    world.startServer({}, SECOND);
    const closing = world.startPuppetServer(FIRST);
    const client = world.startClient({ servers: [FIRST, SECOND], address: "10.0.0.7" });
    world.clock.waitUntil(() => closing.puppets.length > 0);
    closing.puppets[0]!.close();
    world.clock.waitUntil(() => client.events.length > 0);
    assertEquals([client.server, client.events.length], [SECOND, 1]);
    const other = world.startClient({ servers: [SECOND, "192.0.2.9"], address: "10.0.0.7" });
    world.clock.waitUntil(() => other.events.length > 0);
    assertEquals(other.told("gave_up").map(({ cause }) => cause), ["refused"]);
  },
);
