import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Ipv6Address, parseIpv6, readIpv6 } from "../../../lib/address/ipv6_address.ts";
import { Ipv6Prefix, parseIpv6Prefix } from "../../../lib/address/ipv6_prefix.ts";
import { Random } from "../../random.ts";
import { orSyntaxError } from "../or_error.ts";

function bits(address: Ipv6Address): string {
  return address.map((word) => word.toString(2).padStart(32, "0")).join("");
}

/** The address with some of its bits, from `from` on, turned around at random. */
function near(random: Random, address: Ipv6Address, from: number): Ipv6Address {
  const digits = [...bits(address)].map((digit, i) =>
    i >= from && random.next() < 0.5 ? `${1 - Number(digit)}` : digit
  ).join("");
  const words = [0, 32, 64, 96].map((at) => parseInt(digits.slice(at, at + 32), 2));
  return [words[0]!, words[1]!, words[2]!, words[3]!];
}

Deno.test("Ipv6Prefix agrees with a naive model of binary digits", () => {
  const random = new Random(16);
  let [inside, overlapping] = [0, 0];
  for (let i = 0; i < 10_000; i++) {
    const address = readIpv6(random.bytes(16));
    const [m, n] = [random.integer(0, 128), random.pick([0, 1, 31, 32, 33, 64, 96, 127, 128])];
    const other = near(random, address, random.integer(0, 128));
    const [prefix, another] = [new Ipv6Prefix(address, m), new Ipv6Prefix(other, n)];
    const fixed = bits(address).slice(0, m);
    assertEquals(bits(prefix.first), fixed.padEnd(128, "0"));
    assertEquals(bits(prefix.mask), "1".repeat(m).padEnd(128, "0"));
    assertEquals(prefix.contains(other), bits(other).startsWith(fixed));
    const common = Math.min(m, n);
    const overlap = fixed.slice(0, common) === bits(other).slice(0, common);
    assertEquals([prefix.overlaps(another), another.overlaps(prefix)], [overlap, overlap]);
    if (prefix.contains(other)) inside++;
    if (overlap) overlapping++;
  }
  for (const count of [inside, overlapping]) assert(count > 1000 && count < 9000, `${count}`);
});

Deno.test("Ipv6Prefix.host() counts the hosts of a network", () => {
  const host = (text: string, number: number): Ipv6Address => parseIpv6Prefix(text).host(number);
  assertEquals(host("fd00:1:2::/64", 1), parseIpv6("fd00:1:2::1"));
  assertEquals(host("fd00:1:2::/64", 0xfffffffe), parseIpv6("fd00:1:2::ffff:fffe"));
  assertEquals(host("fd00::8000:0/98", 258), parseIpv6("fd00::8000:102"));
});

Deno.test("Ipv6Prefix throws RangeError for a length that is none", () => {
  for (const length of [-1, 129, 1.5, NaN]) {
    assertThrows(() => new Ipv6Prefix([0, 0, 0, 0], length), RangeError);
  }
});

Deno.test("parseIpv6Prefix() reads what toString() writes", () => {
  const random = new Random(17);
  for (let i = 0; i < 5_000; i++) {
    const bytes = random.bytes(16);
    bytes[0] = 0x20;
    const prefix = new Ipv6Prefix(readIpv6(bytes), random.integer(3, 128));
    assertEquals(parseIpv6Prefix(`${prefix}`), prefix);
  }
});

Deno.test("parseIpv6Prefix() throws SyntaxError for anything else, and suggests the network", () => {
  for (
    const text of ["fd00::", "fd00::/129", "fd00::/064", "fd00::/", "/64", "10.0.0.0/8", "x/1"]
  ) {
    assertEquals(orSyntaxError(() => parseIpv6Prefix(text)), undefined, text);
  }
  assertThrows(() => parseIpv6Prefix("fd00::5/64"), SyntaxError, 'did you mean "fd00::/64"?');
});
