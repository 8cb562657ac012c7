import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatIpv4, parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { Leases } from "../../../lib/address/leases.ts";
import { Pool } from "../../../lib/address/pool.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { Random } from "../../random.ts";

function makePool(network: string, leases = new Leases(1000)): Pool {
  const prefix = parseIpv4Prefix(network);
  return new Pool(prefix, Pool.serverAddress(prefix), leases);
}

/** Allocates for "source 0", "source 1" and so on until nothing is left. */
function exhaust(pool: Pool): string[] {
  const addresses: string[] = [];
  for (;;) {
    const address = pool.allocate(`source ${addresses.length}`);
    if (address === undefined) return addresses;
    addresses.push(formatIpv4(address));
  }
}

Deno.test("Pool gives every address once, from the high end down, but none that is special", () => {
  assertEquals(exhaust(makePool("10.0.0.0/29")), [
    "10.0.0.6",
    "10.0.0.5",
    "10.0.0.4",
    "10.0.0.3",
    "10.0.0.2",
  ]);
});

Deno.test("Pool has one address in a /30 and refuses a network with none", () => {
  assertEquals(exhaust(makePool("192.0.2.8/30")), ["192.0.2.10"]);
  for (const network of ["10.0.0.0/31", "10.0.0.0/32"]) {
    assertThrows(() => makePool(network), RangeError, network);
  }
});

Deno.test("Pool begins at the addresses that the C program begins at", () => {
  const pool = makePool("10.0.0.0/16");
  assertEquals(pool.capacity, 65533);
  assertEquals(formatIpv4(pool.allocate("a")!), "10.0.255.254");
  assertEquals(formatIpv4(Pool.serverAddress(parseIpv4Prefix("10.0.0.0/16"))), "10.0.0.1");
});

Deno.test("Pool works at the upper end of the address space, where 32-bit numbers turn negative", () => {
  assertEquals(exhaust(makePool("223.255.255.248/29")).length, 5);
  assertEquals(exhaust(makePool("255.255.255.248/29"))[0], "255.255.255.254");
});

Deno.test("Pool.claim() refuses what is in use, special, or of another network", () => {
  const pool = makePool("10.0.0.0/29");
  assert(pool.claim(parseIpv4("10.0.0.3"), "a"));
  const refused = ["10.0.0.3", "10.0.0.0", "10.0.0.1", "10.0.0.7", "10.0.0.8", "9.255.255.255"];
  for (const text of [...refused, "0.0.0.0", "255.255.255.255"]) {
    assertEquals(pool.isFree(parseIpv4(text)), false, text);
    assertEquals(pool.claim(parseIpv4(text), "b"), false, text);
  }
  assertEquals(pool.used, 1);
});

Deno.test("Pool.claim() that is refused leaves the holder's lease alone", () => {
  const leases = new Leases(10);
  const pool = makePool("10.0.0.0/29", leases);
  const address = pool.allocate("a")!;
  assert(!pool.claim(address, "b"));
  assertEquals([...leases], [{ address, source: "a" }]);
});

Deno.test("Pool gives a source that comes back the address that it had last", () => {
  const pool = makePool("10.0.0.0/24");
  const [first, second] = [pool.allocate("a")!, pool.allocate("a")!];
  pool.release(second);
  pool.release(first);
  pool.allocate("b");
  assertEquals(pool.allocate("a"), first);
  assertEquals(pool.allocate("a"), second);
});

Deno.test("Pool remembers across a restart by its leases", () => {
  const leases = new Leases(10);
  const address = makePool("10.0.0.0/24", leases).allocate("a");
  const restarted = makePool("10.0.0.0/24", new Leases(10, [...leases]));
  assert(restarted.allocate("b") !== address);
  assertEquals(restarted.allocate("a"), address);
});

Deno.test("Pool gives a remembered address to somebody else only when no other is left", () => {
  const pool = makePool("10.0.0.0/29");
  const old = pool.allocate("old")!;
  pool.release(old);
  const given = exhaust(pool);
  assertEquals(given.length, pool.capacity);
  assertEquals(given.at(-1), formatIpv4(old));
});

Deno.test("Pool gives the address unused for longest when all are remembered", () => {
  const pool = makePool("10.0.0.0/29");
  const addresses = exhaust(pool).map(parseIpv4);
  for (const i of [3, 0, 4, 1, 2]) pool.release(addresses[i]!);
  assertEquals(pool.allocate("a newcomer"), addresses[3]);
});

Deno.test("Pool.release() throws RangeError when the address is not in use", () => {
  const pool = makePool("10.0.0.0/29");
  assertThrows(() => pool.release(parseIpv4("10.0.0.2")), RangeError, "10.0.0.2");
  const address = pool.allocate("a")!;
  pool.release(address);
  assertThrows(() => pool.release(address), RangeError);
});

Deno.test("Pool keeps its promises through any operations, as told by a naive model", () => {
  const random = new Random(12);
  for (let round = 0; round < 60; round++) {
    const prefix = parseIpv4Prefix(`10.0.0.0/${random.integer(26, 30)}`);
    const leases = new Leases(random.pick([0, 1, 3, 10, 100]));
    const pool = new Pool(prefix, Pool.serverAddress(prefix), leases);
    const all = Array.from(
      { length: prefix.last - prefix.first - 2 },
      (_, i) => prefix.first + 2 + i,
    );
    const inUse = new Set<number>();
    for (let i = 0; i < 300; i++) {
      const free = all.filter((address) => !inUse.has(address));
      const source = `source ${random.integer(0, 20)}`;
      const address = random.integer(prefix.first - 2, prefix.last + 2);
      if (random.next() < 0.4) {
        // What may be given is known before it is given; remembered addresses are oldest first.
        const remembered = [...leases].filter((lease) => free.includes(lease.address));
        const own = remembered.findLast((lease) => lease.source === source);
        const unknown = free.filter((address) => !leases.has(address));
        const allowed = own
          ? [own.address]
          : unknown.length > 0
          ? unknown
          : [remembered[0]?.address];
        const given = pool.allocate(source);
        assert(allowed.includes(given), `${given} is none of ${allowed}`);
        if (given !== undefined) inUse.add(given);
      } else if (random.next() < 0.3) {
        const claimed = pool.claim(address, source);
        assertEquals(claimed, free.includes(address));
        if (claimed) inUse.add(address);
      } else if (inUse.size > 0) {
        const released = random.pick([...inUse]);
        pool.release(released);
        inUse.delete(released);
      }
      assertEquals([pool.used, pool.capacity], [inUse.size, all.length]);
      assertEquals(pool.isFree(address), all.includes(address) && !inUse.has(address));
    }
  }
});
