import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatIpv4, parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { Ipv4Prefix, parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { Random } from "../../random.ts";
import { orSyntaxError } from "../or_error.ts";

function bits(address: number): string {
  return address.toString(2).padStart(32, "0");
}

function randomAddress(random: Random): number {
  return random.integer(0, 2 ** 32 - 1);
}

/** The canonical text of the network that a text means, by the digits of its address. */
function model(text: string): string | undefined {
  const [host, length, ...more] = text.split("/");
  const address = orSyntaxError(() => parseIpv4(host!));
  const count = Array.from({ length: 33 }, (_, i) => `${i}`).indexOf(length ?? "");
  if (address === undefined || count < 0 || more.length > 0) return undefined;
  return bits(address).slice(count).includes("1") ? undefined : `${formatIpv4(address)}/${count}`;
}

Deno.test("Ipv4Prefix has the first and last address and the netmask of a network", () => {
  const prefix = new Ipv4Prefix(parseIpv4("192.168.77.5"), 20);
  assertEquals(
    [prefix.first, prefix.last, prefix.netmask].map(formatIpv4),
    ["192.168.64.0", "192.168.79.255", "255.255.240.0"],
  );
});

Deno.test("Ipv4Prefix works at both ends: everything, and a single address", () => {
  const all = new Ipv4Prefix(parseIpv4("203.0.113.9"), 0);
  assertEquals([all.first, all.last, all.netmask], [0, 2 ** 32 - 1, 0]);
  const one = new Ipv4Prefix(parseIpv4("255.255.255.255"), 32);
  assertEquals([one.first, one.last, one.netmask], Array(3).fill(2 ** 32 - 1));
});

Deno.test("Ipv4Prefix agrees with a naive model of binary digits", () => {
  const random = new Random(8);
  for (let i = 0; i < 10_000; i++) {
    const [a, b] = [randomAddress(random), randomAddress(random)];
    const [m, n] = [random.integer(0, 32), random.pick([0, 1, 8, 12, 31, 32])];
    const border = new Ipv4Prefix(a, m).last + random.pick([0, 1, -1]);
    const near = random.next() < 0.5 ? b : Math.max(0, border % 2 ** 32);
    const [prefix, other] = [new Ipv4Prefix(a, m), new Ipv4Prefix(near, n)];
    const fixed = bits(a).slice(0, m);
    assertEquals(bits(prefix.first), fixed.padEnd(32, "0"));
    assertEquals(bits(prefix.last), fixed.padEnd(32, "1"));
    assertEquals(bits(prefix.netmask), "1".repeat(m).padEnd(32, "0"));
    assertEquals(prefix.contains(near), bits(near).startsWith(fixed));
    const common = Math.min(m, n);
    const overlapping = fixed.slice(0, common) === bits(near).slice(0, common);
    assertEquals([prefix.overlaps(other), other.overlaps(prefix)], [overlapping, overlapping]);
  }
});

Deno.test("Ipv4Prefix throws RangeError for a length that is none", () => {
  for (const length of [-1, 33, 1.5, NaN, Infinity]) {
    assertThrows(() => new Ipv4Prefix(0, length), RangeError);
  }
});

Deno.test("parseIpv4Prefix() reads what toString() writes", () => {
  const random = new Random(9);
  for (let i = 0; i < 5_000; i++) {
    const prefix = new Ipv4Prefix(randomAddress(random), random.integer(0, 32));
    const { first, last, length } = parseIpv4Prefix(`${prefix}`);
    assertEquals({ first, last, length }, { ...prefix });
  }
});

Deno.test("parseIpv4Prefix() suggests the network when host bits are set", () => {
  assertThrows(() => parseIpv4Prefix("10.0.0.5/16"), SyntaxError, 'did you mean "10.0.0.0/16"?');
});

Deno.test("parseIpv4Prefix() agrees with a naive model about garbled networks", () => {
  const random = new Random(10);
  let valid = 0;
  for (let i = 0; i < 20_000; i++) {
    const prefix = new Ipv4Prefix(randomAddress(random), random.integer(0, 32));
    const text = random.garble(`${prefix}`, "0123456789./ \n");
    const parsed = orSyntaxError(() => parseIpv4Prefix(text));
    assertEquals(parsed?.toString(), model(text), `"${text}"`);
    if (parsed !== undefined) valid++;
  }
  assert(valid > 2_000 && valid < 18_000, `${valid} of the texts were valid`);
});
