import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { fromBase64, toBase64 } from "../../../lib/config/base64.ts";
import { tokenSecrets } from "../../../lib/config/invite.ts";
import {
  type OpenInvite,
  type Peer,
  Registry,
  RegistryError,
} from "../../../lib/config/registry.ts";
import { formatRegistry, parseRegistry } from "../../../lib/config/registry_file.ts";
import { orError } from "../or_error.ts";
import { Random } from "../../random.ts";

const random = new Random(1);

function peer(name: string, change: Partial<Peer> = {}): Peer {
  return {
    name,
    publicKey: toBase64(random.bytes(32)),
    address: undefined,
    routes: [],
    enabled: true,
    isolated: false,
    created: 1_700_000_000_000,
    ...change,
  };
}

function invite(name: string, change: Partial<OpenInvite> = {}): OpenInvite {
  return {
    name,
    token: toBase64(random.bytes(16)),
    address: undefined,
    routes: [],
    created: 1_700_000_000_000,
    expires: 1_700_000_600_000,
    state: "open",
    usedBy: undefined,
    ...change,
  };
}

const FULL = new Registry(
  [
    peer("pi", { address: parseIpv4("10.0.0.2"), routes: [parsePrefix("192.168.7.0/24")] }),
    peer("off", { enabled: false, isolated: true }),
  ],
  [
    invite("laptop", { address: parseIpv4("10.0.0.9") }),
    invite("old", { state: "used", usedBy: toBase64(random.bytes(32)) }),
    invite("void", { state: "revoked" }),
  ],
);

Deno.test("parseRegistry() gives back what formatRegistry() wrote", () => {
  for (const registry of [FULL, new Registry()]) {
    const again = parseRegistry(formatRegistry(registry));
    assertEquals([again.peers, again.invites], [registry.peers, registry.invites]);
  }
});

Deno.test("parseRegistry() takes any text, or throws SyntaxError", () => {
  const text = formatRegistry(FULL);
  let read = 0;
  for (let i = 0; i < 2000; i++) {
    const letters = [...text];
    for (let j = random.integer(1, 3); j > 0; j--) {
      letters.splice(
        random.integer(0, letters.length - 1),
        random.integer(0, 4),
        random.pick([...'{}[],:"0a']),
      );
    }
    if (orError(SyntaxError, () => parseRegistry(letters.join(""))) !== undefined) read++;
  }
  assert(read < 2000);
  for (
    const wrong of [
      "",
      "null",
      "[]",
      "{}",
      '{"version":2}',
      '{"version":1,"peers":{},"invites":[]}',
    ]
  ) {
    assertThrows(() => parseRegistry(wrong), SyntaxError);
  }
});

Deno.test("parseRegistry() says which entry makes no sense, and no secret", () => {
  const text = formatRegistry(FULL);
  const wrong = text.replace(/"name": "off"/, '"name": "two words"');
  assertThrows(() => parseRegistry(wrong), SyntaxError, "peer 2");
  const token = FULL.invites[0]!.token;
  const error = assertThrows(
    () => parseRegistry(text.replace(token, `x${token}`)),
    SyntaxError,
    "invite 1",
  );
  assert(!error.message.includes(token));
  const twice = text.replace(FULL.peers[1]!.publicKey, FULL.peers[0]!.publicKey);
  assertThrows(() => parseRegistry(twice), SyntaxError, "same publicKey");
});

Deno.test("a registry has each name, key and address once", () => {
  const [pi] = FULL.peers;
  const taken: (() => Registry)[] = [
    () => FULL.addPeer(peer("pi")),
    () => FULL.addPeer(peer("laptop")),
    () => FULL.addPeer(peer("other", { publicKey: pi!.publicKey })),
    () => FULL.addPeer(peer("other", { address: parseIpv4("10.0.0.2") })),
    () => FULL.addPeer(peer("other", { address: parseIpv4("10.0.0.9") })),
    () => FULL.addPeer(peer("two words")),
    () => FULL.addInvite(invite("pi")),
    () => FULL.addInvite(invite("laptop")),
    () => FULL.changePeer("off", { name: "pi" }),
    () => FULL.changePeer("off", { address: parseIpv4("10.0.0.9") }),
    () => FULL.changePeer("nobody", {}),
    () => FULL.removePeer("nobody"),
    () => FULL.revokeInvite("void"),
  ];
  for (const change of taken) assertThrows(change, RegistryError);
  assertThrows(
    () => FULL.changePeer("laptop", { enabled: false }),
    RegistryError,
    '"invite laptop --revoke" takes it back',
  );
  assertEquals(FULL.addInvite(invite("void")).invites.length, 4);
  assertEquals(FULL.changePeer("pi", { name: "pi", enabled: false }).peers[0]!.enabled, false);
});

Deno.test("enroll() makes a peer of an open invite, and uses it up", () => {
  const [laptop] = FULL.invites;
  const key = toBase64(random.bytes(32));
  const enrolled = FULL.enroll(laptop!, key, 5);
  assertEquals(enrolled.peerByKey(key), {
    ...peer("laptop"),
    publicKey: key,
    address: laptop!.address,
    created: 5,
  });
  const used = enrolled.invites[0]!;
  assertEquals([used.state, used.usedBy], ["used", key]);
  assertEquals(FULL.invites[0]!.state, "open");
});

Deno.test("inviteById() finds an invite by what is derived of its token", () => {
  for (const open of FULL.invites) {
    assert(FULL.inviteById(tokenSecrets(fromBase64(open.token, 16)).id) === open);
  }
  assertEquals(FULL.inviteById(new Uint8Array(8)), undefined);
});

Deno.test("withoutOldInvites() forgets invites 90 days after they expired", () => {
  const expires = FULL.invites[0]!.expires;
  assertEquals(FULL.withoutOldInvites(expires + 89 * 86_400_000).invites.length, 3);
  assertEquals(FULL.withoutOldInvites(expires + 91 * 86_400_000).invites, []);
});

Deno.test("A peer reaches networks behind others, unless either is isolated or the other disabled", () => {
  const [near, far] = ["192.168.7.0/24", "192.168.8.0/24"].map((text) => parsePrefix(text));
  const lan = peer("lan", { routes: [near!] });
  const twin = peer("twin", { routes: [near!, far!] });
  const laptop = peer("laptop", {});
  const beyond = (who: Peer, ...others: Peer[]): string[] =>
    new Registry([who, ...others]).networksBeyond(who).map(String);
  assertEquals(beyond(laptop, lan, twin), ["192.168.7.0/24", "192.168.8.0/24"]);
  // Its own network is not beyond, whoever else has it.
  assertEquals(beyond(lan, twin, laptop), ["192.168.8.0/24"]);
  assertEquals(beyond(twin, lan, laptop), []);
  assertEquals(beyond({ ...laptop, isolated: true }, lan), []);
  assertEquals(beyond(laptop, { ...lan, isolated: true }), []);
  assertEquals(beyond(laptop, { ...lan, enabled: false }), []);
  const many = Array.from({ length: 99 }, (_, i) => parsePrefix(`10.1.${i}.0/24`));
  assertEquals(beyond(laptop, peer("many", { routes: many })).length, 64);
});
