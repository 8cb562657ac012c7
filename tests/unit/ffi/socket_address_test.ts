import { AF_INET, AF_INET6 } from "../../../ffi/constants.ts";
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { SocketAddress } from "../../../ffi/socket_address.ts";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { Random } from "../../random.ts";
import { orError } from "../or_error.ts";

/** From the hexadecimal digits of a structure as C lays it out on a little-endian machine. */
function address(digits: string): SocketAddress {
  return new SocketAddress(Uint8Array.fromHex(digits.replaceAll(" ", "")));
}

const IPV4 = address("0200 07d2 c0000201 0000000000000000");
const IPV6 = address("0a00 07d2 00000000 20010db8000000000000000000000001 00000000");
const MAPPED = address("0a00 07d2 00000000 00000000000000000000ffffc0000201 00000000");
const LINK_LOCAL = address("0a00 07d2 00000000 fe800000000000000000000000000001 03000000");

Deno.test("SocketAddress reads the structure of an IPv4 address", () => {
  assertEquals([IPV4.family, IPV4.port, IPV4.host], [AF_INET, 2002, "192.0.2.1"]);
  assertEquals([IPV4.ipv4, `${IPV4}`], [parseIpv4("192.0.2.1"), "192.0.2.1:2002"]);
});

Deno.test("SocketAddress reads the structure of an IPv6 address", () => {
  assertEquals([IPV6.family, IPV6.port, IPV6.host], [AF_INET6, 2002, "2001:db8::1"]);
  assertEquals([IPV6.ipv4, `${IPV6}`], [undefined, "[2001:db8::1]:2002"]);
});

Deno.test("SocketAddress tells the interface of a link-local address", () => {
  assertEquals([LINK_LOCAL.host, `${LINK_LOCAL}`], ["fe80::1%3", "[fe80::1%3]:2002"]);
});

Deno.test("SocketAddress knows an IPv4 address that comes mapped into an IPv6 one", () => {
  assertEquals([MAPPED.host, `${MAPPED}`], [IPV4.host, `${IPV4}`]);
  assertEquals(MAPPED.ipv4, IPV4.ipv4);
});

Deno.test("SocketAddress leaves a scope out where it means nothing", () => {
  const bytes = MAPPED.bytes.slice();
  bytes[24] = 1;
  const scoped = new SocketAddress(bytes);
  assertEquals([scoped.host, scoped.ipv4], [IPV4.host, IPV4.ipv4]);
});

Deno.test("SocketAddress.withPort() changes the port of a copy", () => {
  for (const original of [IPV4, IPV6, LINK_LOCAL]) {
    const other = original.withPort(65535);
    assertEquals([other.port, other.host, original.port], [65535, original.host, 2002]);
  }
});

Deno.test("SocketAddress.any() is every address of a family", () => {
  assertEquals(`${SocketAddress.any(AF_INET, 1)}`, "0.0.0.0:1");
  assertEquals(`${SocketAddress.any(AF_INET6, 65535)}`, "[::]:65535");
});

Deno.test("SocketAddress throws RangeError for anything that is neither structure", () => {
  const digits = ["", "02", "0200", "0100 07d2", "0002 07d2 c0000201 0000000000000000"];
  for (const text of digits) assertThrows(() => address(text), RangeError);
  assertThrows(() => new SocketAddress(IPV4.bytes.slice(0, 15)), RangeError);
  assertThrows(() => new SocketAddress(IPV6.bytes.slice(0, 16)), RangeError);
});

Deno.test("SocketAddress takes any bytes of the right family and size, and its getters never fail", () => {
  const random = new Random(26);
  let valid = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = random.bytes(random.pick([16, 28, 28, random.integer(0, 40)]));
    if (random.next() < 0.9) bytes.set([random.pick([2, 10]), 0].slice(0, bytes.length));
    if (bytes.length === 28 && random.next() < 0.3) bytes.fill(0, 8, 18).fill(0xff, 18, 20);
    const digits = bytes.toHex();
    const expected = (digits.startsWith("0200") && digits.length === 32) ||
      (digits.startsWith("0a00") && digits.length === 56);
    const parsed = orError(RangeError, () => new SocketAddress(bytes));
    assertEquals(parsed !== undefined, expected, digits);
    if (parsed === undefined) continue;
    valid++;
    assertEquals(parsed.port, parseInt(digits.slice(4, 8), 16));
    assert(`${parsed}`.endsWith(`:${parsed.port}`));
    assertEquals(parsed.ipv4 === undefined, parsed.host.includes(":"));
  }
  assert(valid > 2_000 && valid < 18_000, `${valid} addresses were valid`);
});

Deno.test("the hash of a network is one for all its hosts and ports, over either family", () => {
  const at = (text: string): number => SocketAddress.hashNetwork(address(text).bytes, 99);
  const mapped = (host: string): string =>
    `0a00 07d2 00000000 ${"0".repeat(20)}ffff${host} 00000000`;
  const ipv4 = at("0200 07d2 c0000201 0000000000000000");
  assertEquals(at("0200 1234 c00002ff 0000000000000000"), ipv4);
  assertEquals(at(mapped("c0000207")), ipv4);
  assertNotEquals(at(mapped("c0000301")), ipv4);
  const ipv6 = (host: string): number => at(`0a00 07d2 00000000 ${host} 00000000`);
  const network = ipv6("20010db8000000010000000000000001");
  assertEquals(ipv6("20010db80000000100ff00ff00ff0002"), network);
  assertNotEquals(ipv6("20010db8000000020000000000000001"), network);
});

Deno.test("under each seed other networks have like hashes", () => {
  const random = new Random(27);
  const name = (): Uint8Array => {
    const bytes = IPV4.bytes.slice();
    bytes.set(random.bytes(4), 4);
    return bytes;
  };
  const low = (bytes: Uint8Array, seed: number): number =>
    SocketAddress.hashNetwork(bytes, seed) & 1023;
  const one = name();
  const alike = Array.from({ length: 100_000 }, name).filter((it) => low(it, 1) === low(one, 1));
  assert(alike.length > 50 && alike.length < 200, `${alike.length}`);
  const still = alike.filter((it) => low(it, 0x5eed1234) === low(one, 0x5eed1234));
  assert(still.length < alike.length / 2, `${still.length} of ${alike.length}`);
});
