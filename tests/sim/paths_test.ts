/** Clients that reach their server over TCP and over UDP: by which their packets go, and what that costs. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseIpv4 } from "../../lib/address/ipv4_address.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import {
  DATAGRAM_LEAST,
  HOLD_FIRST,
  PATH_PATIENCE,
  PROBE_AGAIN,
} from "../../lib/session/limits.ts";
import type { ClientNode } from "./client_node.ts";
import { ipv4Packet } from "./packets.ts";
import { enrolled, secureWorld } from "./secure_scene.ts";
import type { ServerNode } from "./server_node.ts";
import type { World } from "./world.ts";

const SERVER = "10.0.0.1";
const BOTH: readonly Carrier[] = ["tcp", "udp"];

/** A client that has been sending for a moment, by TCP, and has the other path too. */
function twoPaths(seed = 1): { world: World; server: ServerNode; pi: ClientNode; talk: Talk } {
  const { world, server } = secureWorld(seed);
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  world.clock.waitUntil(() => pi.told("path_up").length > 0, 1_000);
  const talk = new Talk(world, server, pi);
  talk.run(3_000);
  assertEquals(talk.lost, [0, 0]);
  return { world, server, pi, talk };
}

/** Packets with numbers, one each way every 20 ms. */
class Talk {
  readonly #world: World;
  readonly #server: ServerNode;
  readonly #client: ClientNode;
  #sent = 0;

  constructor(world: World, server: ServerNode, client: ClientNode) {
    this.#world = world;
    this.#server = server;
    this.#client = client;
  }

  /** @param each is called with every packet */
  run(time: number, each = (_number: number): void => {}): void {
    for (const end = this.#world.clock.now + time; this.#world.clock.now < end;) {
      const payload = Uint8Array.of(this.#sent >> 16, this.#sent >> 8, this.#sent);
      each(this.#sent++);
      this.#client.send(ipv4Packet(this.#client.address, SERVER, payload));
      this.#server.send(ipv4Packet(SERVER, this.#client.address, payload));
      this.#world.clock.run(20);
    }
    this.#world.clock.run(100);
  }

  /** How many packets have not come: to the server, and to the client. */
  get lost(): [up: number, down: number] {
    return [this.#sent - this.#server.tun.length, this.#sent - this.#client.tun.length];
  }
}

/** By what the server sends. */
function serversCarrier(server: ServerNode): Carrier | undefined {
  return server.told("moved").at(-1)?.carrier;
}

Deno.test("a client is reached over both, and packets go over TCP as long as that is well", () => {
  const { world, server, pi, talk } = twoPaths();
  assertEquals(pi.told("up")[0]!.carrier, "tcp");
  world.network.datagrams.sent.length = 0;
  talk.run(60_000);
  assertEquals(talk.lost, [0, 0]);
  assertEquals([pi.told("moved"), server.told("moved")], [[], []]);
  // Only probes, and their answers, in either direction.
  const { sent } = world.network.datagrams;
  assert(sent.length > 200 && sent.length < 300, `${sent.length}`);
  assertEquals(server.changes, ["10.0.0.2 enrolled"]);
});

Deno.test("at rest both paths are kept by their keepalives alone", () => {
  const { world, pi } = twoPaths();
  world.clock.run(10_000);
  const { datagrams } = world.network;
  const before = [datagrams.sent.length, pi.wire.client.sent.length];
  world.clock.run(300_000);
  const after = [datagrams.sent.length, pi.wire.client.sent.length];
  for (const i of [0, 1]) assert(after[i]! - before[i]! < 100, `${after[i]! - before[i]!}`);
  assertEquals([pi.told("path_down"), pi.told("down")], [[], []]);
});

Deno.test("where TCP is blocked a client comes by UDP, within 2 s", () => {
  const { world, server } = secureWorld();
  world.network.block("server");
  const pi = world.startClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  world.clock.waitUntil(() => pi.isUp, 2_000);
  assertEquals(pi.carrier, "udp");
  world.clock.run(60_000);
  assertEquals(new Set(pi.told("path_failed").map(({ carrier }) => carrier)), new Set(["tcp"]));
  world.network.unblock("server");
  world.clock.waitUntil(() => pi.carrier === "tcp", 300_000);
  assertEquals(server.changes, ["10.0.0.2 enrolled"]);
});

Deno.test("where UDP is blocked a client goes by TCP, and tries UDP ever more seldom", () => {
  const { world, server } = secureWorld();
  world.network.datagrams.loss = 1;
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  assertEquals(pi.carrier, "tcp");
  world.clock.run(3_600_000);
  const failed = pi.told("path_failed").length;
  assert(failed > 10 && failed < 30, `${failed}`);
  world.network.datagrams.loss = 0;
  world.clock.waitUntil(() => pi.told("path_up").length > 0, 600_000);
  assertEquals([pi.carrier, pi.told("moved")], ["tcp", []]);
});

Deno.test("packets leave TCP when it goes on losing segments, each end's for itself", () => {
  const { world, server, pi, talk } = twoPaths();
  talk.run(6_000, (i) => pi.wire.client.repeats += Number(i % 30 === 0));
  assertEquals([pi.carrier, serversCarrier(server)], ["udp", undefined]);
  assertMatch(pi.told("moved")[0]!.reason, /^TCP had to repeat \d\.\d %$/);
  talk.run(6_000, (i) => pi.wire.server.repeats += Number(i % 30 === 0));
  assertEquals(serversCarrier(server), "udp");
  assertEquals(talk.lost, [0, 0]);
  world.settle();
  assertEquals(pi.told("down"), []);
});

Deno.test("a burst of losses, as each flow's beginning may cause, moves nothing", () => {
  const { pi, talk } = twoPaths();
  let burst = 0;
  talk.run(30_000, (i) => {
    if (i % 500 < 20) pi.wire.client.repeats += ++burst % 2;
  });
  assertEquals(pi.told("moved"), []);
});

Deno.test("packets come back to TCP after a while, a longer one each time that this was too early", () => {
  const { world, pi, talk } = twoPaths();
  const isBad = (i: number): boolean => pi.carrier === "tcp" && i % 20 === 0;
  talk.run(150_000, (i) => pi.wire.client.repeats += Number(isBad(i)));
  const moves = pi.told("moved");
  assertEquals(moves.map(({ carrier }) => carrier).slice(0, 4), ["udp", "tcp", "udp", "tcp"]);
  const held = [0, 2].map((i) => moves[i + 1]!.time - moves[i]!.time);
  assert(held[0]! >= HOLD_FIRST && held[0]! < HOLD_FIRST + 5_000, `${held}`);
  assert(held[1]! >= 2 * HOLD_FIRST && held[1]! < 2 * HOLD_FIRST + 5_000, `${held}`);
  assertEquals(talk.lost, [0, 0]);
  world.settle();
});

Deno.test("packets stay with UDP that loses less than TCP, for as long as it loses", () => {
  const { world, pi, talk } = twoPaths();
  talk.run(6_000, (i) => pi.wire.client.repeats += Number(i % 20 === 0));
  world.network.datagrams.loss = 0.03;
  talk.run(120_000);
  assertEquals(pi.told("moved").length, 1);
  world.network.datagrams.loss = 0;
  talk.run(30_000);
  assertEquals(pi.carrier, "tcp");
});

Deno.test("packets that come after a rest stay with UDP until it is known to lose little", () => {
  const { world, pi, talk } = twoPaths();
  talk.run(6_000, (i) => pi.wire.client.repeats += Number(i % 20 === 0));
  assertEquals(pi.carrier, "udp");
  world.network.datagrams.loss = 0.03;
  for (let i = 0; i < 5; i++) {
    world.clock.run(2 * HOLD_FIRST);
    talk.run(5_000);
  }
  assertEquals(pi.told("moved").length, 1);
});

for (const direction of ["both ways", "to the server", "to the client"]) {
  Deno.test(`UDP that is blocked midway, ${direction}, is left within 2 s`, () => {
    const { world, server, pi, talk } = twoPaths();
    for (const end of ["client", "server"] as const) {
      talk.run(6_000, (i) => pi.wire[end].repeats += Number(i % 20 === 0));
    }
    assertEquals([pi.carrier, serversCarrier(server)], ["udp", "udp"]);
    const { now } = world.clock;
    const { datagrams } = world.network;
    datagrams.blocks = (_from, to) =>
      direction === "both ways" || (to === "server") === (direction === "to the server");
    talk.run(2_000);
    assertEquals([pi.carrier, serversCarrier(server)], ["tcp", "tcp"]);
    assertMatch(pi.told("moved").at(-1)!.reason, /^UDP has let nothing through for 1\.\d s$/);
    assert(pi.told("moved").at(-1)!.time <= now + 2_000);
    const before = talk.lost;
    talk.run(10_000);
    assertEquals(talk.lost, before);
    assertEquals([pi.told("down"), server.changes], [[], ["10.0.0.2 enrolled"]]);
    // When it is open again it is found again.
    datagrams.blocks = () => false;
    world.clock.waitUntil(() => pi.told("path_up").length > pi.told("path_down").length, 300_000);
  });
}

Deno.test("TCP that falls silent midway is left within 2 s, and made anew in the end", () => {
  const { server, pi, talk } = twoPaths();
  pi.wire.silence();
  talk.run(2_000);
  assertEquals([pi.carrier, serversCarrier(server)], ["udp", "udp"]);
  assertMatch(pi.told("moved")[0]!.reason, /^TCP has let nothing through for 1\.\d s$/);
  const before = talk.lost;
  talk.run(PATH_PATIENCE);
  assertEquals(pi.told("path_down").map(({ carrier }) => carrier), ["tcp"]);
  talk.run(120_000);
  assertEquals(talk.lost, before);
  assertEquals([pi.told("down"), server.changes], [[], ["10.0.0.2 enrolled"]]);
  assert(pi.wires.length > 1);
  assertEquals([pi.carrier, serversCarrier(server)], ["tcp", "tcp"]);
});

Deno.test("a connection that breaks moves the packets at once, and comes again", () => {
  const { world, server, pi, talk } = twoPaths();
  pi.wire.break();
  world.clock.run(200);
  assertEquals([pi.carrier, serversCarrier(server)], ["udp", "udp"]);
  assertEquals(pi.told("path_down").map(({ carrier }) => carrier), ["tcp"]);
  talk.run(5_000);
  assertEquals(pi.told("path_up").at(-1)!.carrier, "tcp");
  assertEquals(talk.lost, [0, 0]);
  assertEquals([pi.told("down"), server.changes], [[], ["10.0.0.2 enrolled"]]);
});

Deno.test("a server that stops ends both paths with one word, and so does a client", () => {
  const { world, server, pi } = twoPaths();
  server.stop();
  world.clock.run(200);
  assertEquals(pi.told("down").length, 1);
  assertMatch(pi.told("down")[0]!.reason, /it is stopping/);
  assertEquals([pi.told("moved"), server.told("moved")], [[], []]);
  server.start();
  world.clock.waitUntil(() => pi.isUp && pi.told("path_up").length === 2, 60_000);
  pi.stop();
  world.clock.run(1_000);
  assertEquals(server.changes.slice(-2), ["10.0.0.2 enrolled", "10.0.0.2 left"]);
  assertEquals(server.told("moved"), []);
});

Deno.test("a server's last word over one path ends the session, and moves nothing", () => {
  const { world, server, pi } = twoPaths();
  world.network.datagrams.blocks = () => true;
  server.stop();
  world.clock.run(200);
  assertEquals(pi.told("down").length, 1);
  assertEquals(pi.told("moved"), []);
});

Deno.test("where UDP is blocked a client that TCP serves is not asked whether its key is right", () => {
  const { world, server } = secureWorld();
  world.network.datagrams.blocks = () => true;
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  world.clock.waitUntil(() => pi.told("path_failed").length > 0, 10_000);
  assertEquals(pi.told("path_failed")[0]!.reason, "the server did not answer the handshake");
});

for (const only of BOTH) {
  Deno.test(`where ${only} was the only path and is stuck, the other is tried at once`, () => {
    const { world, server } = secureWorld();
    const { datagrams } = world.network;
    if (only === "udp") world.network.block("server");
    else datagrams.loss = 1;
    const pi = world.startClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
    world.clock.waitUntil(() => pi.isUp, 5_000);
    const talk = new Talk(world, server, pi);
    talk.run(1_000_000);
    assertEquals([pi.carrier, pi.told("moved")], [only, []]);
    if (only === "udp") {
      world.network.unblock("server");
      datagrams.loss = 1;
    } else {
      datagrams.loss = 0;
      pi.wire.silence();
    }
    talk.run(3_000);
    assertEquals([pi.carrier === only, pi.told("down")], [false, []]);
    const before = talk.lost;
    talk.run(1_000);
    assertEquals(talk.lost, before);
  });
}

Deno.test("UDP that comes back from an outage together with TCP is kept", () => {
  const { world, pi, talk } = twoPaths();
  const { datagrams } = world.network;
  pi.wire.silence();
  world.network.block("server");
  talk.run(20_000);
  datagrams.blocks = () => true;
  talk.run(12_000);
  assertEquals([pi.carrier, pi.told("down")], ["udp", []]);
  world.network.unblock("server");
  world.clock.waitUntil(() => pi.told("path_up").length === 2, 20_000);
  talk.run(1_000);
  datagrams.blocks = () => false;
  talk.run(30_000);
  assertEquals(pi.told("path_down").map(({ carrier }) => carrier), ["tcp"]);
});

Deno.test("the same identity from elsewhere ends both paths of the one before", () => {
  const { world, server } = secureWorld();
  const credentials = enrolled(world, server, "pi");
  const first = world.connectClient({ credentials, carriers: BOTH });
  world.clock.waitUntil(() => first.told("path_up").length > 0, 1_000);
  const second = world.connectClient({ credentials: { ...credentials }, carriers: BOTH });
  world.clock.waitUntil(() => second.told("path_up").length > 0, 5_000);
  assertMatch(first.told("down")[0]!.reason, /same identity has connected/);
  assertEquals(server.changes, ["10.0.0.2 enrolled", "10.0.0.2 left", "10.0.0.2 enrolled"]);
  const packet = ipv4Packet(SERVER, second.address, Uint8Array.of(1));
  server.send(packet);
  world.settle();
  assertEquals([first.tun, second.tun], [[], [packet]]);
});

Deno.test("a peer that is removed is told so once, whatever paths it has", () => {
  const { world, server, pi } = twoPaths();
  server.door.change((registry) => registry.removePeer("pi"));
  world.clock.run(1_000);
  assertEquals(pi.told("gave_up").map(({ cause }) => cause), ["rejected"]);
  assertEquals(server.changes, ["10.0.0.2 enrolled", "10.0.0.2 left"]);
});

Deno.test("a server that was started anew is reached at once, though UDP tells nothing of it", () => {
  const { world, server, pi, talk } = twoPaths();
  for (const wire of pi.wires) wire.break();
  world.clock.waitUntil(() => pi.told("path_down").length > 0, 1_000);
  server.powerCut();
  server.start();
  world.clock.run(1_000);
  assertEquals([pi.carrier, server.changes.at(-1)], ["tcp", "10.0.0.2 enrolled"]);
  talk.run(15_000);
  world.clock.waitUntil(
    () => pi.told("path_down").some(({ carrier }) => carrier === "udp"),
    30_000,
  );
  world.clock.waitUntil(() => pi.told("path_up").at(-1)!.carrier === "udp", 30_000);
  assertEquals(pi.told("down"), []);
});

Deno.test("where a session ends, however it ends, nothing is said to move first", () => {
  const ends: ((scene: ReturnType<typeof twoPaths>) => void)[] = [
    ({ server }) => server.stop(),
    ({ pi }) => pi.stop(),
    ({ server }) => server.door.change((registry) => registry.removePeer("pi")),
    ({ server }) => server.door.change((it) => it.changePeer("pi", { enabled: false })),
  ];
  for (const end of ends) {
    // Its word comes first by the one path, or by the other.
    for (const seed of [1, 2, 3]) {
      const scene = twoPaths(seed);
      end(scene);
      scene.world.clock.run(500);
      assertEquals([scene.pi.told("moved"), scene.server.told("moved")], [[], []]);
      assertEquals(scene.server.connections, []);
    }
  }
});

Deno.test("a server that sends already looks at both paths as soon as the second is there", () => {
  const { world, server } = secureWorld();
  const pi = world.connectClient({ credentials: enrolled(world, server, "pi"), carriers: BOTH });
  const talk = new Talk(world, server, pi);
  while (pi.told("path_up").length === 0) talk.run(20);
  pi.wire.silence();
  talk.run(2_000);
  assertEquals(serversCarrier(server), "udp");
});

Deno.test("two machines with one identity take turns, each for 20 s at the least", () => {
  const { world, server } = secureWorld();
  const credentials = enrolled(world, server, "pi");
  const machines = [1, 2].map(() =>
    world.startClient({ credentials: { ...credentials }, carriers: BOTH })
  );
  world.clock.run(600_000);
  const joins = server.told("joined").length;
  assert(joins > 10 && joins <= 2 * 600_000 / 20_000, `${joins}`);
  for (const { events } of machines) assert(events.length < 6 * joins, `${events.length}`);
  for (let i = 0; i < 100; i++) {
    world.clock.run(1_000);
    const up = machines.filter(({ isUp }) => isUp);
    for (const { tun } of machines) tun.length = 0;
    server.send(ipv4Packet(SERVER, "10.0.0.2"));
    world.clock.run(100);
    const came = machines.filter(({ tun }) => tun.length > 0);
    if (up.length === 1) assertEquals(came, up);
    else assertEquals(came.length, 1);
  }
});

Deno.test("a path that has not heard of other settings takes back none that came by the other", () => {
  const { world, server, pi, talk } = twoPaths();
  // Soon it is asked about again which lengths pass over UDP.
  world.clock.run(PROBE_AGAIN - 10_000);
  const { datagrams } = world.network;
  // By it come answers to such questions, but no settings.
  datagrams.blocks = (from, _to, length) => from === "server" && length < DATAGRAM_LEAST;
  datagrams.longest = 1300;
  const address = parseIpv4("10.0.0.77");
  server.door.change((registry) => registry.changePeer("pi", { address }));
  world.clock.run(1_000);
  assertEquals(pi.address, "10.0.0.77");
  // The path over UDP is found to take less, and then lost.
  world.clock.waitUntil(() => pi.mtu < 1400, 20_000);
  assertEquals(pi.address, "10.0.0.77");
  datagrams.loss = 1;
  world.clock.waitUntil(() => pi.told("path_down").length > 0, 60_000);
  assertEquals(pi.address, "10.0.0.77");
  const before = talk.lost;
  talk.run(1_000);
  assertEquals(talk.lost, before);
});
