import { assertEquals } from "@std/assert";
import { ChangeFilter } from "../../../daemon/change_filter.ts";
import { RT_TABLE_MAIN } from "../../../ffi/constants.ts";
import type { AddressChange, LinkChange, RouteChange } from "../../../ffi/network_change.ts";
import { parseAddress } from "../../../lib/address/ip_address.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";

const TUN = 9;
const SERVERS = ["192.0.2.1", "2001:db8::1"].map(parseAddress);

function filter(...present: (LinkChange | AddressChange)[]): ChangeFilter {
  return new ChangeFilter(TUN, () => SERVERS, present);
}

function link(change: Partial<LinkChange> = {}): LinkChange {
  return {
    type: "link",
    isThere: true,
    interfaceIndex: 2,
    isUp: true,
    hasCarrier: true,
    ...change,
  };
}

function address(text: string, change: Partial<AddressChange> = {}): AddressChange {
  return {
    type: "address",
    isThere: true,
    interfaceIndex: 2,
    address: parseAddress(text),
    isGlobal: true,
    isTentative: false,
    ...change,
  };
}

function route(network: string, change: Partial<RouteChange> = {}): RouteChange {
  return {
    type: "route",
    isThere: true,
    network: parsePrefix(network),
    table: RT_TABLE_MAIN,
    protocol: 4,
    isUnicast: true,
    gateway: undefined,
    interfaceIndex: 2,
    ...change,
  };
}

Deno.test("routes to the server, or to everything, matter; others do not", () => {
  const it = filter();
  const matters = (...args: Parameters<typeof route>): boolean => it.matters(route(...args));
  for (const network of ["0.0.0.0/0", "::/0", "192.0.2.0/24", "192.0.2.1/32", "2001:db8::/32"]) {
    assertEquals([matters(network), matters(network, { isThere: false })], [true, true], network);
    const others = [{ table: 255 }, { protocol: 202 }, { isUnicast: false }, {
      interfaceIndex: TUN,
    }];
    for (const other of others) assertEquals(matters(network, other), false, network);
  }
  for (const network of ["192.0.2.2/32", "172.17.0.0/16", "fd00::/8"]) {
    assertEquals(matters(network), false, network);
  }
});

Deno.test("an address matters when it comes and when it goes, and not when it is told again", () => {
  const it = filter(address("192.0.2.7"));
  assertEquals(it.matters(address("192.0.2.7")), false);
  assertEquals(it.matters(address("192.0.2.8")), true);
  assertEquals(it.matters(address("192.0.2.8")), false);
  assertEquals(it.matters(address("192.0.2.8", { interfaceIndex: 3 })), true);
  for (const text of ["192.0.2.7", "192.0.2.8"]) {
    assertEquals(it.matters(address(text, { isThere: false })), true);
    assertEquals(it.matters(address(text, { isThere: false })), false);
  }
});

Deno.test("an address matters once it can be used, and only if it is good beyond the link", () => {
  const it = filter();
  assertEquals(it.matters(address("2001:db8::7", { isTentative: true })), false);
  assertEquals(it.matters(address("2001:db8::7")), true);
  assertEquals(it.matters(address("fe80::1", { isGlobal: false })), false);
  assertEquals(it.matters(address("10.0.0.2", { interfaceIndex: TUN })), false);
});

Deno.test("a link matters when it can be used and when it is taken down, not when its cable is pulled", () => {
  const it = filter(link());
  assertEquals(it.matters(link()), false);
  assertEquals(it.matters(link({ hasCarrier: false })), false);
  assertEquals(it.matters(link()), true);
  assertEquals(it.matters(link({ isUp: false })), true);
  assertEquals(it.matters(link({ isUp: false, hasCarrier: false })), false);
  assertEquals(it.matters(link({ isThere: false })), false);
  assertEquals(it.matters(link({ interfaceIndex: 3, isUp: false })), false);
  assertEquals(it.matters(link({ interfaceIndex: TUN })), false);
});

Deno.test("a machine with ever new addresses makes no filter grow without end", () => {
  const it = filter();
  for (let i = 0; i < 20_000; i++) {
    const text = `10.${i >> 16}.${i >> 8 & 255}.${i & 255}`;
    assertEquals(it.matters(address(text)), true);
  }
  assertEquals(it.matters(address("10.0.78.31")), false, "the latest is remembered");
});
