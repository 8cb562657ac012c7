import { assert, assertEquals } from "@std/assert";
import { isIpv4, parseAddress } from "../../../lib/address/ip_address.ts";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { ipv6Bytes } from "../../../lib/address/ipv6_address.ts";
import { Registry } from "../../../lib/config/registry.ts";
import { CONTROL_LENGTH, writeControl } from "../../../lib/protocol/classic.ts";
import { MAX_CONFIGURATIONS } from "../../../lib/session/limits.ts";
import { PeerSession } from "../../../lib/session/peer_session.ts";
import { AttackScene, type SceneClient, testKey, testPeer } from "./attack_scene.ts";

const [A, B] = [testKey(2), testKey(3)];

/** The connection by which packets for an address go. */
function ownerOf(scene: AttackScene, address: string): unknown {
  const { table } = scene.server.router;
  const parsed = parseAddress(address);
  const owner = isIpv4(parsed) ? table.ownerOf(parsed) : table.ownerOfIpv6(ipv6Bytes(parsed), 0);
  return owner instanceof PeerSession ? owner.active : owner;
}

function stageOf({ wire }: SceneClient): unknown {
  return wire.connection.stage;
}

function classicRequest(address: string): Uint8Array {
  const bytes = new Uint8Array(CONTROL_LENGTH);
  writeControl(bytes, 0, parseIpv4(address), 0);
  return bytes;
}

Deno.test("two connected peers whose addresses are exchanged have each other's", () => {
  const scene = new AttackScene();
  scene.registry = new Registry([testPeer("a", A, "10.0.0.2"), testPeer("b", B, "10.0.0.3")]);
  const [a, b] = [scene.client(A).join(), scene.client(B).join()];
  scene.change(new Registry([testPeer("a", A, "10.0.0.3"), testPeer("b", B, "10.0.0.2")]));
  for (const address of ["10.0.0.3", "fd00::3"]) assertEquals(ownerOf(scene, address), stageOf(a));
  for (const address of ["10.0.0.2", "fd00::2"]) assertEquals(ownerOf(scene, address), stageOf(b));
});

Deno.test("a peer gets its address also when it is a network behind another peer", () => {
  const scene = new AttackScene();
  scene.registry = new Registry([
    testPeer("a", A, "10.0.0.2", "10.0.0.3/32", "fd00::3/128", "fd00::/64"),
    testPeer("b", B, "10.0.0.3"),
  ]);
  scene.client(A).join();
  const b = scene.client(B).join();
  assertEquals(b.events.map(({ type }) => type), ["up"]);
  for (const address of ["10.0.0.3", "fd00::3"]) assertEquals(ownerOf(scene, address), stageOf(b));
});

Deno.test("a network that moves from one connected peer to another is the other's", () => {
  const scene = new AttackScene();
  scene.registry = new Registry([
    testPeer("a", A, "10.0.0.2"),
    testPeer("b", B, "10.0.0.3", "192.168.7.0/24", "2001:db8:7::/48"),
  ]);
  const a = scene.client(A).join();
  scene.client(B).join();
  scene.change(
    new Registry([
      testPeer("a", A, "10.0.0.2", "192.168.7.0/24", "2001:db8:7::/48"),
      testPeer("b", B, "10.0.0.3"),
    ]),
  );
  for (const address of ["192.168.7.1", "2001:db8:7::1"]) {
    assertEquals(ownerOf(scene, address), stageOf(a));
  }
});

Deno.test("a network of two peers is the second's when the first has left", () => {
  const scene = new AttackScene();
  const route = "192.168.7.0/24";
  scene.registry = new Registry([
    testPeer("a", A, "10.0.0.2", route),
    testPeer("b", B, "10.0.0.3", route),
  ]);
  const [a, b] = [scene.client(A).join(), scene.client(B).join()];
  assert(scene.events.some(({ type }) => type === "overlap"));
  assertEquals(ownerOf(scene, "192.168.7.1"), stageOf(a));
  a.wire.connection.disconnected("gone");
  assertEquals(ownerOf(scene, "192.168.7.1"), stageOf(b));
});

Deno.test("a classic client is refused an address that a secure peer's network consists of", () => {
  const scene = new AttackScene({ classic: true });
  scene.registry = new Registry([testPeer("a", A, "10.0.0.2", "10.0.0.50/32")]);
  const a = scene.client(A).join();
  const classic = scene.connect();
  scene.give(classic, classicRequest("10.0.0.50"));
  assertEquals(classic.transport.ended, "closed");
  assertEquals(ownerOf(scene, "10.0.0.50"), stageOf(a));
});

Deno.test("a client ends a connection over which new settings come faster than it can make them", () => {
  const scene = new AttackScene();
  const peers = [testPeer("a", A, "10.0.0.2", "192.168.7.0/24"), testPeer("a", A, "10.0.0.2")];
  scene.registry = new Registry([peers[1]!]);
  const a = scene.client(A).join();
  const change = (): void => {
    for (const peer of peers) scene.change(new Registry([peer]));
    a.hear();
  };
  for (let i = 0; i < 20; i++) {
    change();
    scene.now += 1000;
  }
  assertEquals(a.events.map(({ type }) => type), ["up", ...Array(40).fill("changed")]);
  for (let i = 0; i < 1000; i++) change();
  assertEquals(a.events.length, 1 + 40 + MAX_CONFIGURATIONS + 1);
  assertEquals(a.events.at(-1)!.type, "down");
});

Deno.test("a session's name is worth nothing to another identity", () => {
  const scene = new AttackScene();
  scene.registry = new Registry([testPeer("a", A, "10.0.0.2"), testPeer("b", B, "10.0.0.3")]);
  const wires = [scene.connect(), scene.connect()];
  const { randomKey } = scene;
  // Both programs draw the same name.
  scene.randomKey = () => new Uint8Array(32);
  const [a, b] = [scene.client(A, wires[0]), scene.client(B, wires[1])];
  scene.randomKey = randomKey;
  for (const client of [a, b]) client.join();
  const { table } = scene.server.router;
  const [one, other] = [2, 3].map((it) => table.ownerOf(parseIpv4(`10.0.0.${it}`)) as PeerSession);
  assertEquals(one!.admission.session, other!.admission.session);
  assert(one !== other);
  assertEquals([one!.active, other!.active], [stageOf(a), stageOf(b)]);
  b.wire.connection.disconnected("gone");
  assertEquals([ownerOf(scene, "10.0.0.2"), ownerOf(scene, "10.0.0.3")], [stageOf(a), undefined]);
});

Deno.test("who has left has no address any more, of either version", () => {
  const scene = new AttackScene();
  scene.registry = new Registry([testPeer("a", A, "10.0.0.2", "2001:db8:7::/48")]);
  const a = scene.client(A).join();
  const addresses = ["10.0.0.2", "fd00::2", "2001:db8:7::1"];
  for (const address of addresses) assertEquals(ownerOf(scene, address), stageOf(a));
  a.wire.connection.disconnected("gone");
  for (const address of addresses) assertEquals(ownerOf(scene, address), undefined);
  assertEquals(scene.server.router.table.size, 0);
});
