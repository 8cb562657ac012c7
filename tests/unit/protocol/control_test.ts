import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseAddress } from "../../../lib/address/ip_address.ts";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { ipv6Bytes, parseIpv6 } from "../../../lib/address/ipv6_address.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import {
  CloseReason,
  type Configuration,
  describeClose,
  readConfiguration,
  writeConfiguration,
} from "../../../lib/protocol/control.ts";
import { readItems, writeItems } from "../../../lib/protocol/items.ts";
import { orError } from "../or_error.ts";
import { Random } from "../../random.ts";

const FULL: Configuration = {
  name: "pi-4.garden_2",
  address: { address: parseIpv4("10.0.0.2"), prefixLength: 16 },
  address6: { address: parseIpv6("fd00:1:2::2"), prefixLength: 64 },
  mtu: 1420,
  routes: [
    "192.168.1.0/24",
    "0.0.0.0/0",
    "203.0.113.7/32",
    "2001:db8::/32",
    "::/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "::/1",
  ].map(
    parsePrefix,
  ),
  prefixes: ["192.168.7.0/24", "2001:db8:7::7/128"].map(parsePrefix),
  dns: ["10.0.0.1", "2620:fe::fe"].map(parseAddress),
  searchDomains: ["example.org", "a", "x-1.test"],
  keepalive: 15_000,
  timeout: 60_000,
};

enum Type {
  Name = 1,
  Address = 2,
  Mtu = 3,
  Route = 4,
  Dns = 5,
  SearchDomain = 6,
  Keepalive = 7,
  Timeout = 8,
  Prefix = 9,
}

/** An item's value. */
function ipv6(address: string, length: number): number[] {
  return [...ipv6Bytes(parseIpv6(address)), length];
}

/** The body of FULL with one type's items replaced. */
function withItems(type: Type, ...values: (number[] | string)[]): Uint8Array {
  const others = readItems(writeConfiguration(FULL)).filter((item) => item.type !== type);
  const encoder = new TextEncoder();
  return writeItems([
    ...others,
    ...values.map((value) => ({
      type,
      value: typeof value === "string" ? encoder.encode(value) : Uint8Array.from(value),
    })),
  ]);
}

Deno.test("a client's own network is no large part of the internet, as no server's is", () => {
  const ipv4 = (length: number): number[] => [128, 0, 0, 5, length];
  for (const length of [8, 30]) readConfiguration(withItems(Type.Address, ipv4(length)));
  for (const length of [16, 126]) {
    readConfiguration(withItems(Type.Address, ipv4(8), ipv6("2001:db8::5", length)));
  }
  for (const length of [0, 1, 7, 31, 32]) {
    const body = withItems(Type.Address, ipv4(length));
    assertThrows(() => readConfiguration(body), SyntaxError, "not from 8 to 30");
  }
  for (const length of [0, 3, 15, 127, 128]) {
    const body = withItems(Type.Address, ipv4(8), ipv6("2001:db8::5", length));
    assertThrows(() => readConfiguration(body), SyntaxError, "not from 16 to 126");
  }
});

Deno.test("readConfiguration() gives back what writeConfiguration() wrote", () => {
  const lists = { routes: [], prefixes: [], dns: [], searchDomains: [] };
  const bare = { ...FULL, ...lists, address6: undefined };
  for (const configuration of [FULL, bare]) {
    assertEquals(readConfiguration(writeConfiguration(configuration)), configuration);
  }
});

Deno.test("readConfiguration() passes over what later versions may say", () => {
  const later = [
    { type: 200, value: new Uint8Array(3) },
    { type: Type.Route, value: new Uint8Array(9) },
    { type: Type.Dns, value: new Uint8Array(8) },
    { type: Type.Address, value: new Uint8Array(9) },
  ];
  const body = writeItems([...later, ...readItems(writeConfiguration(FULL))]);
  assertEquals(readConfiguration(body), FULL);
});

Deno.test("readConfiguration() throws SyntaxError for what a client must not act on", () => {
  const wrong: [Type, ...(number[] | string)[]][] = [
    [Type.Name],
    [Type.Name, ""],
    [Type.Name, "-x"],
    [Type.Name, "a b"],
    [Type.Name, "a\n"],
    [Type.Name, "a;reboot"],
    [Type.Name, "$(reboot)"],
    [Type.Name, "a".repeat(65)],
    [Type.Address],
    [Type.Address, [10, 0, 0, 2]],
    [Type.Address, [10, 0, 0, 2, 31]],
    [Type.Address, [10, 0, 0, 2, 0]],
    [Type.Address, [10, 0, 0, 0, 16]],
    [Type.Address, [10, 0, 255, 255, 16]],
    [Type.Address, [127, 0, 0, 5, 8]],
    [Type.Address, [224, 0, 0, 7, 24]],
    [Type.Address, [240, 0, 0, 7, 24]],
    [Type.Address, [0, 0, 0, 7, 24]],
    [Type.Address, [10, 0, 0, 2, 16], ipv6("fd00::2", 0)],
    [Type.Address, [10, 0, 0, 2, 16], ipv6("fd00::2", 127)],
    [Type.Address, [10, 0, 0, 2, 16], ipv6("fd00::", 64)],
    [Type.Address, [10, 0, 0, 2, 16], ipv6("fe80::2", 64)],
    [Type.Address, [10, 0, 0, 2, 16], ipv6("ff02::2", 64)],
    [Type.Address, [10, 0, 0, 2, 16], ipv6("::1", 64)],
    [Type.Address, ipv6("fd00::2", 64)],
    [Type.Route, ipv6("fd00::1", 64)],
    [Type.Route, ipv6("fd00::", 129)],
    [Type.Mtu],
    [Type.Mtu, [0, 67]],
    [Type.Mtu, [5]],
    [Type.Route, [10, 0, 0, 1, 16]],
    [Type.Route, [10, 0, 0, 0, 33]],
    ...[Type.Route, Type.Prefix].flatMap((type): [Type, number[]][] => [
      [type, [224, 0, 0, 0, 4]],
      [type, [239, 1, 2, 3, 32]],
      [type, [224, 0, 0, 0, 3]],
      [type, [127, 0, 0, 0, 8]],
      [type, [0, 0, 0, 0, 8]],
      [type, ipv6("ff02::", 16)],
      [type, ipv6("fe80::", 10)],
      [type, ipv6("::", 64)],
      [type, ipv6("::1", 128)],
    ]),
    [Type.SearchDomain, "a..b"],
    [Type.SearchDomain, "-a"],
    [Type.SearchDomain, "a b"],
    [Type.SearchDomain, "a\nnameserver 192.0.2.1"],
    [Type.SearchDomain, "a.".repeat(127) + "a"],
    [Type.Keepalive],
    [Type.Keepalive, [0, 0, 0, 99]],
    [Type.Timeout, [255, 255, 255, 255]],
    [Type.Timeout, [0, 1]],
  ];
  for (const [type, ...values] of wrong) {
    assertThrows(() => readConfiguration(withItems(type, ...values)), SyntaxError);
  }
});

Deno.test("readConfiguration() takes no more than 64 items of a kind", () => {
  const many = Array.from({ length: 500 }, (_, i) => [9, 9, i >> 8, i & 255]);
  assertEquals(readConfiguration(withItems(Type.Dns, ...many)).dns.length, 64);
});

Deno.test("readConfiguration() reads any bytes, or throws SyntaxError", () => {
  const random = new Random(4);
  const body = writeConfiguration(FULL);
  let read = 0;
  for (let i = 0; i < 5000; i++) {
    const bytes = body.slice(0, random.integer(0, 2 * body.length));
    for (let j = random.integer(0, 2); j > 0 && bytes.length > 0; j--) {
      bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
    }
    if (orError(SyntaxError, () => readConfiguration(bytes)) !== undefined) read++;
  }
  assert(read > 100 && read < 4900, `${read}`);
});

Deno.test("describeClose() has words for every reason, and for those of later versions", () => {
  const reasons = Object.values(CloseReason).filter((reason) => typeof reason === "number");
  assertEquals(new Set(reasons.map(describeClose)).size, reasons.length);
  assert(describeClose(250).includes("250"));
});
