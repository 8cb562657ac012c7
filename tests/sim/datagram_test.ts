/** Secure clients over UDP: what is lost, doubled, late or forged, and clients that move. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatagramType, macKey, writeInitiationDatagram } from "../../lib/protocol/datagram.ts";
import { INITIATION_OVERHEAD } from "../../lib/protocol/noise.ts";
import { DropReason } from "../../lib/session/counters.ts";
import {
  DATAGRAM_LEAST,
  DATAGRAM_MOST,
  HANDSHAKE_RATE,
  KEEPALIVE_INTERVAL,
  PATH_PATIENCE,
  REKEY_AFTER_TIME,
} from "../../lib/session/limits.ts";
import type { ClientNode } from "./client_node.ts";
import type { SentDatagram } from "./datagrams.ts";
import { TCP, unfinished } from "../unit/packet/offload_packets.ts";
import { ipv4Packet, ipv6Packet, summaries } from "./packets.ts";
import { enrolled, secureWorld } from "./secure_scene.ts";
import { PUSH, type ServerNode } from "./server_node.ts";
import { World } from "./world.ts";

const SERVER = "10.0.0.1";

function join(world: World, server: ServerNode, name: string): ClientNode {
  return world.connectClient({ credentials: enrolled(world, server, name), carriers: ["udp"] });
}

/** What was sent so far of one type, to or from an address. */
function sentOf(world: World, type: DatagramType, address: string): SentDatagram[] {
  return world.network.datagrams.sent.filter(({ bytes, from, to }) =>
    bytes[0] === type && (from === address || to === address)
  );
}

/** Sends packets with numbers both ways for a time; returns how many each way. */
function exchange(world: World, server: ServerNode, client: ClientNode, time: number): number {
  let count = 0;
  for (const end = world.clock.now + time; world.clock.now < end; count++) {
    const payload = Uint8Array.of(count >> 16, count >> 8, count);
    client.send(ipv4Packet(client.address, SERVER, payload));
    server.send(ipv4Packet(SERVER, client.address, payload));
    world.clock.run(world.random.integer(1, 400));
  }
  world.settle();
  return count;
}

function distinct(packets: readonly Uint8Array[]): number {
  return new Set(packets.map(String)).size;
}

Deno.test("packets pass over UDP between two clients, and to and from the server", () => {
  const { world, server } = secureWorld();
  const [one, two] = [join(world, server, "one"), join(world, server, "two")];
  const packet = ipv4Packet(one.address, two.address, world.random.bytes(500));
  one.send(packet);
  world.settle();
  assertEquals(two.tun, [packet]);
  const count = exchange(world, server, two, 5000);
  assertEquals([server.tun.length, two.tun.length], [count, count + 1]);
  two.stop();
  world.settle();
  assertEquals(server.changes.at(-1), `${two.address} left`);
});

Deno.test("clients get in, and stay, where a third of all datagrams is lost, many doubled", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { world, server } = secureWorld(seed);
    Object.assign(world.network.datagrams, { loss: 0.33, doubling: 0.1, delay: [1, 300] });
    const pi = join(world, server, "pi");
    const count = exchange(world, server, pi, 3 * REKEY_AFTER_TIME);
    assertEquals([pi.told("down"), pi.isUp], [[], true], `seed ${seed}`);
    for (const { tun } of [pi, server]) {
      assertEquals(distinct(tun), tun.length, "None is doubled");
      assert(tun.length > 0.55 * count && tun.length < 0.8 * count, `${tun.length} of ${count}`);
    }
  }
});

Deno.test("a Configuration that is lost is repeated, and not the whole handshake", () => {
  const { world, server } = secureWorld();
  const { datagrams } = world.network;
  const pi = world.startClient({
    credentials: enrolled(world, server, "pi"),
    carriers: ["udp"],
  });
  datagrams.blocks = (from) =>
    from === "server" && sentOf(world, DatagramType.Data, "server").length > 0;
  world.clock.waitUntil(() => server.told("joined").length > 0);
  world.clock.run(200);
  datagrams.blocks = () => false;
  world.clock.waitUntil(() => pi.isUp, 1_000);
  assertEquals(pi.told("failed"), []);
});

Deno.test("new keys cost no packet where datagrams overtake each other", () => {
  const { world, server } = secureWorld();
  world.network.datagrams.delay = [1, 900];
  server.door.delay = [0, 200];
  const pi = join(world, server, "pi");
  const count = exchange(world, server, pi, 5 * REKEY_AFTER_TIME);
  assertEquals([distinct(pi.tun), distinct(server.tun)], [count, count]);
  const keys = sentOf(world, DatagramType.Data, pi.outerAddress).map(({ bytes }) => bytes[1]);
  assert(new Set(keys).size >= 5);
});

Deno.test("a client that moves is sent to where it is, at once and without a new handshake", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  for (let i = 1; i <= 5; i++) {
    pi.move(`203.0.113.${i}`);
    pi.send(ipv4Packet(pi.address, SERVER));
    world.settle();
    server.send(ipv4Packet(SERVER, pi.address));
    world.settle();
    assertEquals(pi.tun.length, i);
  }
  assertEquals(server.tun.length, 5);
  assertEquals(sentOf(world, DatagramType.Response, "server").length, 1);
});

Deno.test("copies of a client's datagrams from elsewhere neither pass nor draw its packets away", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  exchange(world, server, pi, 2000);
  const passed = server.tun.length;
  const { datagrams } = world.network;
  for (const { to, bytes } of [...datagrams.sent]) {
    if (to === "server") datagrams.deliver("203.0.113.66:6666", "server", bytes);
  }
  world.settle();
  assertEquals(server.tun.length, passed);
  assert(server.counters.dropped(DropReason.Replayed) > 0);
  assertEquals(datagrams.sent.filter(({ to }) => to === "203.0.113.66:6666"), []);
  server.send(ipv4Packet(SERVER, pi.address));
  world.settle();
  assertEquals(pi.tun.length, passed + 1);
});

Deno.test("a datagram that was held up and comes from an old address moves nobody back", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  const { datagrams } = world.network;
  world.settle();
  datagrams.loss = 1;
  pi.send(ipv4Packet(pi.address, SERVER));
  world.clock.run(0);
  datagrams.loss = 0;
  const held = datagrams.sent.findLast(({ to }) => to === "server")!;
  pi.move("203.0.113.7");
  pi.send(ipv4Packet(pi.address, SERVER));
  world.settle();
  datagrams.deliver(held.from, "server", held.bytes);
  assertEquals(server.tun.length, 2);
  server.send(ipv4Packet(SERVER, pi.address));
  world.settle();
  assertEquals(pi.tun.length, 1);
});

Deno.test("forged and changed datagrams end nothing, and nobody answers them", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  exchange(world, server, pi, 1000);
  const { datagrams } = world.network;
  const [ups, downs] = ["server", pi.outerAddress].map((address) =>
    datagrams.sent.filter(({ to }) => to === address)
  );
  const stranger = "203.0.113.66:6666";
  for (let i = 0; i < 3000; i++) {
    const [sample, target] = i % 2 ? [ups!, "server"] : [downs!, pi.outerAddress];
    const bytes = world.random.pick(sample).bytes.slice();
    bytes[world.random.integer(0, bytes.length - 1)]! ^= 1 << world.random.integer(0, 7);
    datagrams.deliver(stranger, target, bytes.subarray(0, world.random.integer(0, bytes.length)));
    datagrams.deliver(stranger, target, bytes);
  }
  const answers = datagrams.sent.filter(({ to }) => to === stranger);
  // Those that differ from an old initiation in the cookie alone are initiations, if not new ones.
  assertEquals(answers, []);
  const before = server.tun.length;
  pi.send(ipv4Packet(pi.address, SERVER));
  world.settle();
  assertEquals([server.tun.length, pi.told("down").length], [before + 1, 0]);
});

Deno.test("a flood of initiations by who knows the server's key keeps nobody out", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  const { datagrams } = world.network;
  const key = macKey(server.door.identity.publicKey);
  let [index, asked] = [0, 0];
  const flood = (): void => {
    for (let i = 0; i < 20; i++) {
      const message = world.random.bytes(INITIATION_OVERHEAD + 64);
      const from = `192.${++index >> 16}.${(index >> 8) & 255}.${index & 255}:1`;
      datagrams.deliver(from, "server", writeInitiationDatagram(index, message, key));
      asked++;
    }
    if (asked < 100_000) world.clock.after(10, flood);
  };
  flood();
  world.clock.run(2000);
  const late = ["a", "b", "c", "d"].map((name) => {
    const begun = world.clock.now;
    const client = join(world, server, name);
    assert(world.clock.now - begun < 3000, `${world.clock.now - begun}`);
    return client;
  });
  assert(asked < 100_000, "The flood goes on");
  exchange(world, server, late[0]!, 500);
  assertEquals(pi.told("down"), []);
  const cookies = late.flatMap(({ outerAddress }) =>
    sentOf(world, DatagramType.CookieReply, outerAddress)
  );
  assert(cookies.length > 0);
  assert(server.counters.dropped(DropReason.Refused) > HANDSHAKE_RATE);
});

Deno.test("no answer to a stranger is longer than what asked for it", () => {
  const { world, server } = secureWorld();
  for (let i = 0; i < 5; i++) join(world, server, `pi${i}`);
  const { sent } = world.network.datagrams;
  const length = (type: DatagramType): number[] =>
    sent.flatMap(({ bytes }) => bytes[0] === type ? [bytes.length] : []);
  assertEquals(new Set(length(DatagramType.Initiation)), new Set([200]));
  assertEquals(new Set(length(DatagramType.Response)), new Set([92]));
});

Deno.test("a copy of an old initiation gets no answer, also after the server was started anew", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  const [initiation] = sentOf(world, DatagramType.Initiation, "server");
  for (const restart of [false, true]) {
    if (restart) {
      server.stop();
      server.start();
    }
    const { length } = world.network.datagrams.sent;
    world.network.datagrams.deliver("203.0.113.66:6666", "server", initiation!.bytes);
    world.settle();
    const later = world.network.datagrams.sent.slice(length);
    assertEquals(later.filter(({ to }) => to.startsWith("203.0.113")), []);
  }
  world.clock.waitUntil(() => pi.isUp);
});

Deno.test("a server that stops says so, one that vanishes is noticed, and clients come back", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  server.stop();
  world.settle();
  assertMatch(pi.told("down")[0]!.reason, /it is stopping/);
  server.start();
  world.clock.waitUntil(() => pi.isUp);
  world.network.datagrams.loss = 1;
  server.stop();
  world.clock.run(0);
  world.network.datagrams.loss = 0;
  world.clock.waitUntil(
    () => pi.told("down").length === 2,
    KEEPALIVE_INTERVAL + PATH_PATIENCE + 2_000,
  );
  assertMatch(pi.told("down")[1]!.reason, /silent for too long/);
  server.start();
  world.clock.waitUntil(() => pi.isUp);
});

Deno.test("a server that is not there is asked again and again, each time anew", () => {
  const world = new World();
  const server = world.startServer({ classic: false }, "second");
  const credentials = enrolled(world, server, "pi");
  const pi = world.startClient({ credentials, carriers: ["udp"], servers: ["first"] });
  world.clock.waitUntil(() => pi.told("failed").length > 0, 10_000);
  const asked = world.network.datagrams.sent.filter(({ to }) => to === "first");
  assert(asked.length >= 4 && asked.length <= 6, `${asked.length}`);
  assertEquals(new Set(asked.map(({ bytes }) => String(bytes))).size, asked.length);
});

Deno.test("over UDP, too, the server's other address is tried soon", () => {
  const world = new World();
  const server = world.startServer({ classic: false }, "second");
  const credentials = enrolled(world, server, "pi");
  const pi = world.startClient({ credentials, carriers: ["udp"], servers: ["first", "second"] });
  world.clock.waitUntil(() => pi.isUp, 1_000);
});

Deno.test("what a path takes is found, and the client told, when long datagrams vanish", () => {
  const { world, server } = secureWorld();
  world.network.datagrams.longest = 1300;
  const pi = join(world, server, "pi");
  assertEquals(pi.mtu, PUSH.mtu);
  world.clock.waitUntil(() => pi.mtu < PUSH.mtu, 10_000);
  assertEquals(pi.mtu, DATAGRAM_LEAST - 38);
  const largest = ipv4Packet(SERVER, pi.address, world.random.bytes(DATAGRAM_LEAST - 38 - 20));
  world.settle();
  server.send(largest);
  world.settle();
  assertEquals(pi.tun, [largest]);
  // The path is mended, which is tried after a while.
  world.network.datagrams.longest = Infinity;
  world.clock.waitUntil(() => pi.mtu === PUSH.mtu, 1_000_000);
  assert(world.network.datagrams.sent.some(({ bytes }) => bytes.length === DATAGRAM_MOST));
});

Deno.test("what TCP's ends say of segments is lowered to what the path takes, both ways", () => {
  const { world, server } = secureWorld();
  const pi = join(world, server, "pi");
  const mss = (packet: Uint8Array): number => new DataView(packet.buffer).getUint16(42);
  /** One that says 1,460, and its way back. */
  const syn = unfinished({
    ...{ version: 4, protocol: TCP, flags: 2, ipOptions: 0, tcpOptions: 4 },
    payload: new Uint8Array(0),
  });
  syn.set([2, 4, 1460 >> 8, 1460 & 255], 40);
  const back = syn.slice();
  back.set(syn.subarray(16, 20), 12);
  back.set(syn.subarray(12, 16), 16);
  const bothWays = (): number[] => {
    pi.send(syn.slice());
    server.send(back.slice());
    world.settle();
    return [mss(server.tun.at(-1)!), mss(pi.tun.at(-1)!)];
  };
  assertEquals(bothWays(), [PUSH.mtu - 40, PUSH.mtu - 40]);
  world.network.datagrams.longest = 1300;
  world.clock.waitUntil(() => pi.mtu < PUSH.mtu, 100_000);
  assertEquals(bothWays(), [DATAGRAM_LEAST - 38 - 40, DATAGRAM_LEAST - 38 - 40]);
});

Deno.test("who sends a packet that is too long for a client is told what is not", () => {
  const { world, server } = secureWorld();
  world.network.datagrams.longest = 1300;
  const [pi, other] = [join(world, server, "pi"), join(world, server, "other")];
  world.clock.run(10_000);
  const most = DATAGRAM_LEAST - 38;
  server.send(ipv4Packet(SERVER, pi.address, new Uint8Array(most)));
  assertEquals(server.tun.length, 1);
  const [error] = server.tun;
  const view = new DataView(error!.buffer);
  assertEquals([error![9], error![20], error![21], view.getUint16(26)], [1, 3, 4, most]);
  for (let i = 0; i < 300; i++) {
    server.send(ipv4Packet(SERVER, pi.address, new Uint8Array(most)));
  }
  assert(server.tun.length <= 200, "There are not too many of them");
  assertEquals(server.counters.dropped(DropReason.TooLong), 301);
  assertEquals([pi.tun, other.tun], [[], []]);
});

Deno.test("who sends an IPv6 packet that is too long is told so, but not about an error", () => {
  const { world, server } = secureWorld(1, { network6: "fd00::/64" });
  world.network.datagrams.longest = 1400;
  const pi = join(world, server, "pi");
  const nas = world.connectClient({ credentials: enrolled(world, server, "nas") });
  world.clock.run(10_000);
  // Of all the peer's addresses that of the same number is its IPv6 one.
  const [ofPi, ofNas] = [pi, nas].map((node) => `fd00::${node.address.split(".")[3]}`);
  const long = ipv6Packet("fd00::1", ofPi, new Uint8Array(1400));
  server.send(long);
  assertEquals(summaries(server.tun), [`${ofPi} > fd00::1`]);
  const [error] = server.tun;
  assertEquals([error![40], error![41]], [2, 0]);
  assertEquals(error!.subarray(48), long.subarray(0, 1232));
  const aboutError = long.slice();
  aboutError[6] = 58;
  aboutError[40] = 1;
  for (const source of ["::", "ff02::1"]) server.send(ipv6Packet(source, ofPi, long.subarray(40)));
  server.send(aboutError);
  assertEquals(server.tun.length, 1);
  nas.send(ipv6Packet(ofNas, ofPi, long.subarray(40)));
  world.settle();
  assertEquals([pi.tun, server.tun.length], [[], 1]);
  assertEquals(summaries(nas.tun), [`${ofPi} > ${ofNas}`]);
  for (let i = 0; i < 300; i++) server.send(long);
  assert(server.tun.length <= 200, "There are not too many of them");
  assertEquals(server.counters.dropped(DropReason.TooLong), 305);
});
