import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseAddress } from "../../../lib/address/ip_address.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import type { LocalNetwork } from "../../../lib/routing/outside.ts";
import { reasonAgainstRoute } from "../../../lib/routing/pushed_routes.ts";

const LOCALS: readonly LocalNetwork[] = [
  { interface: "lo", prefix: parsePrefix("127.0.0.0/8") },
  { interface: "eth0", prefix: parsePrefix("192.168.1.0/24") },
  { interface: "eth0", prefix: parsePrefix("2001:db8:1::/64") },
];

/** Of two routers: one in the LAN, one in no network of the machine. */
const ANCHORS = ["192.168.1.1", "172.31.1.1"].map((text) => ({
  address: parseAddress(text),
  name: `this machine's gateway ${text}`,
}));

function reason(route: string): string | undefined {
  const networks = LOCALS.map(({ prefix }) => prefix);
  return reasonAgainstRoute(parsePrefix(route), { locals: LOCALS, networks, anchors: ANCHORS });
}

Deno.test("reasonAgainstRoute() lets networks be that are behind a server, or contain a LAN", () => {
  const routes = ["10.0.0.0/8", "172.16.0.0/13", "192.168.0.0/16", "192.168.7.0/24", "9.9.9.9/32"];
  const routes6 = ["fc00::/7", "fd00::/8", "2001:db8::/32", "2001::/16", "2001:db8:1:1::/64"];
  for (const route of [...routes, ...routes6]) assertEquals(reason(route), undefined, route);
});

Deno.test("reasonAgainstRoute() refuses a default route, whole or in pieces", () => {
  const routes = ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/7"];
  const routes6 = ["::/0", "::/1", "8000::/1", "2000::/3", "2000::/15", "f800::/6"];
  for (const route of [...routes, ...routes6]) {
    assertStringIncludes(reason(route) ?? "", "--full-tunnel", route);
  }
});

Deno.test("reasonAgainstRoute() refuses what would take addresses of a LAN away", () => {
  for (const route of ["192.168.1.0/24", "192.168.1.128/25", "192.168.1.1/32"]) {
    assertStringIncludes(reason(route) ?? "", "eth0 is in 192.168.1.0/24", route);
  }
  for (const route of ["2001:db8:1::/64", "2001:db8:1::1/128"]) {
    assertStringIncludes(reason(route) ?? "", "eth0 is in 2001:db8:1::/64", route);
  }
});

Deno.test("reasonAgainstRoute() refuses what would take the way outside away", () => {
  for (const route of ["172.16.0.0/12", "172.31.1.0/24", "172.31.1.1/32"]) {
    assertStringIncludes(reason(route) ?? "", "gateway 172.31.1.1 lies in it", route);
  }
});
