import { assert, assertEquals } from "@std/assert";
import { parseAddress } from "../../../lib/address/ip_address.ts";
import { isWithin, parsePrefix, type Prefix, prefixOf } from "../../../lib/address/prefix.ts";
import { findTaken } from "../../../lib/routing/outside.ts";
import { Random } from "../../random.ts";

const ANCHORS = ["203.0.113.9", "192.168.1.1", "192.168.1.200", "2001:db8::1", "fe80::1"].map(
  (text) => ({ address: parseAddress(text), name: text }),
);

function taken(network: string, ...networks: string[]): string | undefined {
  const outside = { networks: networks.map(parsePrefix), anchors: ANCHORS };
  return findTaken(parsePrefix(network), outside)?.name;
}

Deno.test("findTaken() names what a network within the LAN takes, and nothing else", () => {
  const lan = "192.168.1.0/24";
  assertEquals(taken("192.168.1.0/25", lan), "192.168.1.1");
  assertEquals(taken("192.168.1.128/25", lan), "192.168.1.200");
  assertEquals(taken("192.168.1.64/26", lan), undefined);
  assertEquals(taken(lan, lan), "192.168.1.1");
  assertEquals(taken("203.0.113.0/24", lan), "203.0.113.9");
  assertEquals(taken("2001:db8::/64", lan), "2001:db8::1");
});

Deno.test("findTaken() lets a network be that is wider than the LAN, or than a route around it", () => {
  assertEquals(taken("192.168.0.0/16", "192.168.1.0/24"), undefined);
  assertEquals(taken("192.168.0.0/16"), "192.168.1.1");
  assertEquals(taken("203.0.113.0/24", "203.0.113.9/32"), undefined);
  assertEquals(taken("fe80::/10", "fe80::/64"), undefined);
});

Deno.test("findTaken() agrees with a table of routes in which the longest wins, and then the tunnel's", () => {
  const random = new Random(7);
  const anyPrefix = (): Prefix =>
    prefixOf(parseAddress(`10.0.0.${random.integer(0, 63)}`), random.integer(26, 30));
  const counts = { taken: 0, kept: 0 };
  for (let i = 0; i < 2_000; i++) {
    const address = parseAddress(`10.0.0.${random.integer(0, 63)}`);
    const networks = [anyPrefix(), anyPrefix()];
    const network = anyPrefix();
    const table = [network, ...networks].toSorted((a, b) => b.length - a.length);
    const isTaken = table.find((route) => isWithin(route, address)) === network;
    const found = findTaken(network, { networks, anchors: [{ address, name: "it" }] });
    assertEquals(found !== undefined, isTaken, `${network}, ${networks}`);
    counts[isTaken ? "taken" : "kept"]++;
  }
  assert(counts.taken > 100 && counts.kept > 100, JSON.stringify(counts));
});
