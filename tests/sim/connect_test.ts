import { assert, assertEquals, assertMatch } from "@std/assert";
import { CONNECT_TIMEOUT, FIRST_RESOLVE_TIME } from "../../lib/session/limits.ts";
import { reply } from "./packets.ts";
import { World } from "./world.ts";

Deno.test("a client gives up at once when the server's name does not exist", () => {
  const world = new World();
  const client = world.startClient();
  client.resolveFailure = { permanent: true };
  world.clock.run(60_000);
  const [event, ...more] = client.events;
  assert(event?.type === "gave_up" && more.length === 0);
  assertEquals([event.cause, event.reason], ["unresolved", "no such name"]);
  assertEquals(client.resolves.length, 1);
});

Deno.test("a client bears with a name that cannot be resolved for a moment", () => {
  const world = new World();
  world.startServer();
  const client = world.startClient();
  client.resolveFailure = { permanent: false };
  world.clock.run(FIRST_RESOLVE_TIME / 2);
  client.resolveFailure = undefined;
  world.clock.waitUntil(() => client.isUp);
  assertEquals(client.told("gave_up"), []);
});

Deno.test("a client gives up on a name that cannot be resolved from the very start", () => {
  const world = new World();
  const begin = world.clock.now;
  const client = world.startClient();
  client.resolveFailure = { permanent: false };
  world.clock.waitUntil(() => client.told("gave_up").length > 0);
  const [event] = client.told("gave_up");
  assertEquals(event!.cause, "unresolved");
  assert(event!.time >= begin + FIRST_RESOLVE_TIME);
  assert(event!.time <= begin + 3 * FIRST_RESOLVE_TIME);
});

for (const permanent of [false, true]) {
  const kind = permanent ? "does not exist any more" : "cannot be resolved for a while";
  Deno.test(`a client that was connected goes on when the name ${kind}`, () => {
    const world = new World();
    world.startServer();
    const client = world.connectClient();
    client.resolveFailure = { permanent };
    client.wire.break();
    world.clock.run(3_600_000);
    assertEquals(client.told("gave_up"), []);
    client.resolveFailure = undefined;
    world.clock.waitUntil(() => client.isUp);
  });

  Deno.test(`a client that found the server's name once goes on when it ${kind}`, () => {
    const world = new World();
    const client = world.startClient();
    world.clock.run(FIRST_RESOLVE_TIME);
    client.resolveFailure = { permanent };
    world.clock.run(60_000);
    assertEquals(client.told("gave_up"), []);
    world.startServer();
    client.resolveFailure = undefined;
    world.clock.waitUntil(() => client.isUp);
  });
}

Deno.test("a client gives up an attempt to connect that is not answered, and tries again", () => {
  const world = new World();
  world.startServer();
  const client = world.startClient();
  world.network.block("server");
  world.clock.waitUntil(() => client.events.length > 0);
  const [failed] = client.told("failed");
  assertEquals(failed!.time - client.resolves[0]! - CONNECT_TIMEOUT <= 10, true);
  assertMatch(failed!.reason, /no answer within 5 s/);
  world.network.unblock("server");
  world.clock.waitUntil(() => client.isUp);
});

Deno.test("a client closes a connection that comes when it has given the attempt up", () => {
  const world = new World();
  const { puppets } = world.startPuppetServer();
  world.network.delay = [CONNECT_TIMEOUT - 1000, CONNECT_TIMEOUT - 1000];
  const client = world.startClient();
  world.clock.waitUntil(() => client.told("failed").length === 1);
  assertEquals([client.wires.length, puppets.length], [0, 1]);
  world.clock.run(CONNECT_TIMEOUT);
  assert(puppets[0]!.isClosed);
});

Deno.test("a client gives up a server that accepts and says nothing, and tries again", () => {
  const world = new World();
  const { puppets } = world.startPuppetServer();
  const client = world.startClient();
  world.clock.waitUntil(() => client.events.length > 0);
  assertMatch(client.told("failed")[0]!.reason, /no address within 5 s/);
  world.settle();
  assert(puppets[0]!.isClosed);
  world.clock.waitUntil(() => puppets.length === 2);
  puppets[1]!.send(reply("10.0.0.7"));
  world.clock.waitUntil(() => client.isUp);
});
