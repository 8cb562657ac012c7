/** Peers that announce what they must not, or all the time. */
import { assert, assertEquals } from "@std/assert";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { Registry } from "../../../lib/config/registry.ts";
import { writeAnnouncement } from "../../../lib/protocol/announcement.ts";
import { ControlType } from "../../../lib/protocol/control.ts";
import { ANNOUNCEMENT_CHANGES, ANNOUNCEMENT_WINDOW } from "../../../lib/session/limits.ts";
import { PeerSession } from "../../../lib/session/peer_session.ts";
import { SecurePeer } from "../../../lib/session/secure_peer.ts";
import { AttackScene, type SceneClient, testKey, testPeer } from "./attack_scene.ts";

const [A, B] = [testKey(2), testKey(3)];

function bodyOf(...networks: string[]): Uint8Array {
  return writeAnnouncement(networks.map(parsePrefix));
}

/** A scene with two peers, of which one may have networks behind it. */
function sceneWith(...routes: string[]): AttackScene {
  const scene = new AttackScene();
  scene.registry = new Registry([
    testPeer("a", A, "10.0.0.2", ...routes),
    testPeer("b", B, "10.0.0.3"),
  ]);
  return scene;
}

function announcing(scene: AttackScene, body: Uint8Array): SceneClient {
  scene.now++;
  return scene.client(A, scene.connect(), body).join();
}

/** Whose the network is. */
function ownerOf(scene: AttackScene, network: string): string | undefined {
  const owner = scene.server.router.table.prefixOwner(parsePrefix(network));
  return owner instanceof PeerSession ? owner.admission.name : undefined;
}

Deno.test("an announcement that no server should act on ends the session", () => {
  for (const body of [Uint8Array.of(9, 0, 200), bodyOf("0.0.0.0/1"), bodyOf("127.0.0.0/8")]) {
    const scene = sceneWith("192.168.7.0/24");
    const { wire } = announcing(scene, body);
    assert(wire.connection.isClosed);
    assertEquals(ownerOf(scene, "192.168.7.0/24"), undefined);
  }
});

Deno.test("of the announcements over one connection only the first counts", () => {
  const scene = sceneWith("192.168.0.0/16");
  const { wire } = announcing(scene, bodyOf("192.168.7.0/24"));
  const { stage } = wire.connection;
  assert(stage instanceof SecurePeer);
  for (const body of [bodyOf("192.168.8.0/24"), bodyOf(), Uint8Array.of(9, 0, 200)]) {
    stage.channelControl(ControlType.Announcement, body);
  }
  assert(!wire.connection.isClosed);
  assertEquals(ownerOf(scene, "192.168.7.0/24"), "a");
  assertEquals(ownerOf(scene, "192.168.8.0/24"), undefined);
});

Deno.test("a network that is not allowed stays another's, or nobody's", () => {
  const scene = sceneWith("192.168.7.0/24");
  const other = testPeer("b", B, "10.0.0.3", "192.168.8.0/24");
  scene.registry = new Registry([testPeer("a", A, "10.0.0.2", "192.168.7.0/24"), other]);
  scene.client(B).join();
  announcing(scene, bodyOf("192.168.8.0/24", "10.0.0.3/32", "192.168.9.0/24", "192.168.7.9/32"));
  assertEquals(ownerOf(scene, "192.168.8.0/24"), "b");
  assertEquals(ownerOf(scene, "10.0.0.3/32"), "b");
  assertEquals(ownerOf(scene, "192.168.9.0/24"), undefined);
  assertEquals(ownerOf(scene, "192.168.7.9/32"), "a");
});

Deno.test("a peer that comes with another announcement all the time is sent away for a while", () => {
  const scene = sceneWith("192.168.0.0/16");
  const other = scene.client(B).join();
  const body = (i: number): Uint8Array => bodyOf(`192.168.${i}.0/24`);
  for (let i = 0; i < ANNOUNCEMENT_CHANGES; i++) {
    assert(!announcing(scene, body(i)).wire.connection.isClosed, `${i}`);
  }
  assert(announcing(scene, body(99)).wire.connection.isClosed);
  assert(!other.wire.connection.isClosed);
  scene.now += ANNOUNCEMENT_WINDOW;
  assert(!announcing(scene, body(99)).wire.connection.isClosed);
  assertEquals(ownerOf(scene, "192.168.99.0/24"), "a");
});
