import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Ipv6Address, ipv6Bytes, parseIpv6 } from "../../../lib/address/ipv6_address.ts";
import { Ipv6Prefix, parseIpv6Prefix } from "../../../lib/address/ipv6_prefix.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { RoutingTable } from "../../../lib/routing/table.ts";
import { Random } from "../../random.ts";

/** The owner of the longest prefix that contains an address, found by looking at every one. */
function model(
  entries: readonly { prefix: Ipv6Prefix; owner: number }[],
  address: Ipv6Address,
): number | undefined {
  return entries.filter(({ prefix }) => prefix.contains(address))
    .toSorted((a, b) => b.prefix.length - a.prefix.length)[0]?.owner;
}

/** Addresses that differ in few places, above and below 2^31, so that prefixes nest and hashes meet. */
function randomAddress(random: Random): Ipv6Address {
  const word = (): number => random.pick([0, 1, 31, 32, 0x7fffffff, 0x80000000, 0xffffffff]);
  return [random.pick([0x20010db8, 0xfd000000]), word(), word(), word()];
}

Deno.test("RoutingTable agrees with a naive model about IPv6 prefixes that nest", () => {
  const random = new Random(20);
  const table = new RoutingTable<number>();
  const entries: { prefix: Ipv6Prefix; owner: number }[] = [];
  let found = 0;
  for (let i = 0; i < 10_000; i++) {
    const length = random.pick([0, 16, 48, 64, 65, 96, 127, 128, 128]);
    const prefix = new Ipv6Prefix(randomAddress(random), length);
    const at = entries.findIndex((entry) => `${entry.prefix}` === `${prefix}`);
    assertEquals(table.prefixOwner(prefix), entries[at]?.owner);
    if (at < 0 && entries.length < 300) {
      table.addPrefix(prefix, i);
      entries.push({ prefix, owner: i });
    } else {
      table.deletePrefix(prefix);
      if (at >= 0) entries.splice(at, 1);
    }
    assertEquals(table.size, entries.length);
    const address = randomAddress(random);
    const bytes = Uint8Array.of(7, 7, 7, ...ipv6Bytes(address), 7);
    const owner = table.ownerOfIpv6(bytes, 3);
    assertEquals(owner, model(entries, address), `${address}`);
    if (owner !== undefined) found++;
  }
  assert(found > 2000 && found < 10_000, `${found}`);
});

Deno.test("RoutingTable.addPrefix() throws when an IPv6 prefix has an owner, who keeps it", () => {
  const table = new RoutingTable<string>();
  table.addPrefix(parseIpv6Prefix("fd00::/64"), "a");
  assertThrows(() => table.addPrefix(parseIpv6Prefix("fd00::/64"), "b"), Error, "owner already");
  assertEquals(table.prefixOwner(parseIpv6Prefix("fd00::/64")), "a");
});

Deno.test("RoutingTable keeps the two versions apart", () => {
  const table = new RoutingTable<string>();
  table.addPrefix(parsePrefix("0.0.0.0/0"), "four");
  const bytes = ipv6Bytes(parseIpv6("::"));
  assertEquals([table.ownerOf(0), table.ownerOfIpv6(bytes, 0)], ["four", undefined]);
  table.addPrefix(parsePrefix("::/0"), "six");
  assertEquals([table.ownerOf(0), table.ownerOfIpv6(bytes, 0)], ["four", "six"]);
  assertEquals(table.size, 2);
});
