/** IPv6 in the tunnel: who has which addresses, and what passes. */
import { assertEquals } from "@std/assert";
import { formatAddress, parseAddress } from "../../lib/address/ip_address.ts";
import { parsePrefix } from "../../lib/address/prefix.ts";
import { DropReason } from "../../lib/session/counters.ts";
import type { ClientNode } from "./client_node.ts";
import { ipv4Packet, ipv6Packet, summaries } from "./packets.ts";
import { join, secureWorld } from "./secure_scene.ts";

const NETWORKS = { network: "10.0.0.0/24", network6: "fd00:1:2::/64" };
const SERVER = "fd00:1:2::1";

function address6Of({ configuration }: ClientNode): string | undefined {
  const { address, prefixLength } = configuration?.address6 ?? {};
  return address && `${formatAddress(address)}/${prefixLength}`;
}

Deno.test("a peer's IPv6 address has the number of its IPv4 one, and keeps it", () => {
  const { world, server } = secureWorld(1, NETWORKS);
  const [pi, nas] = [join(world, server, "pi"), join(world, server, "nas")];
  assertEquals(address6Of(pi), "fd00:1:2::2/64");
  assertEquals(address6Of(nas), "fd00:1:2::3/64");
  server.door.change((registry) =>
    registry.changePeer("pi", { address: parseAddress("10.0.0.99") as number })
  );
  world.settle();
  assertEquals([pi.address, address6Of(pi)], ["10.0.0.99", "fd00:1:2::63/64"]);
  nas.send(ipv6Packet("fd00:1:2::3", "fd00:1:2::63"));
  nas.send(ipv6Packet("fd00:1:2::3", "fd00:1:2::2"));
  world.settle();
  assertEquals(summaries(pi.tun), ["fd00:1:2::3 > fd00:1:2::63"]);
  // What is nobody's any more is the server's kernel's to answer for.
  assertEquals(summaries(server.tun), ["fd00:1:2::3 > fd00:1:2::2"]);
});

Deno.test("IPv6 packets pass from client to server, back, and to other clients", () => {
  const { world, server } = secureWorld(2, NETWORKS);
  const [pi, nas] = [join(world, server, "pi"), join(world, server, "nas")];
  pi.send(ipv6Packet("fd00:1:2::2", SERVER));
  server.send(ipv6Packet(SERVER, "fd00:1:2::2"));
  pi.send(ipv6Packet("fd00:1:2::2", "fd00:1:2::3", new Uint8Array(60_000)));
  pi.send(ipv6Packet("fd00:1:2::2", "2001:db8::1"));
  world.settle();
  assertEquals(summaries(server.tun), [
    `fd00:1:2::2 > ${SERVER}`,
    "fd00:1:2::2 > 2001:db8::1",
  ]);
  assertEquals(summaries(pi.tun), [`${SERVER} > fd00:1:2::2`]);
  assertEquals(summaries(nas.tun), ["fd00:1:2::2 > fd00:1:2::3"]);
  server.send(ipv6Packet(SERVER, "fd00:1:2::9"));
  assertEquals(server.counters.dropped(DropReason.NoRoute), 1);
});

Deno.test("networks of both versions behind a peer are its own, and what the server pushes", () => {
  const push = {
    mtu: 1400,
    routes: ["192.0.2.0/24", "2001:db8:9::/48"].map(parsePrefix),
    dns: ["10.0.0.1", SERVER].map(parseAddress),
    searchDomains: [],
  };
  const { world, server } = secureWorld(3, { ...NETWORKS, push });
  const routes = ["192.168.7.0/24", "2001:db8:7::/48"].map(parsePrefix);
  const lan = join(world, server, "lan", { routes });
  const { configuration } = lan;
  assertEquals(configuration?.prefixes.map(String), routes.map(String));
  assertEquals(configuration?.routes.map(String), push.routes.map(String));
  assertEquals(configuration?.dns, push.dns);
  for (const source of ["2001:db8:7:8::9", "2001:db8:8::9"]) lan.send(ipv6Packet(source, SERVER));
  server.send(ipv6Packet(SERVER, "2001:db8:7::1"));
  world.settle();
  assertEquals(summaries(server.tun), [`2001:db8:7:8::9 > ${SERVER}`]);
  assertEquals(summaries(lan.tun), [`${SERVER} > 2001:db8:7::1`]);
  assertEquals(lan.counters.dropped(DropReason.SourceAddress), 1);
  server.door.change((registry) => registry.changePeer("lan", { routes: [] }));
  world.settle();
  server.send(ipv6Packet(SERVER, "2001:db8:7::1"));
  assertEquals(server.counters.dropped(DropReason.NoRoute), 1);
});

Deno.test("a server without IPv6 tells clients nothing of it, and passes none", () => {
  const push = {
    mtu: 1279,
    routes: ["192.0.2.0/24", "2001:db8:9::/48"].map(parsePrefix),
    dns: ["10.0.0.1", SERVER].map(parseAddress),
    searchDomains: [],
  };
  const { world, server } = secureWorld(4, { push });
  const routes = ["192.168.7.0/24", "2001:db8:7::/48"].map(parsePrefix);
  const lan = join(world, server, "lan", { routes });
  const { address6, prefixes, dns } = lan.configuration!;
  assertEquals([address6, prefixes.map(String)], [undefined, ["192.168.7.0/24"]]);
  assertEquals(dns.map(formatAddress), ["10.0.0.1"]);
  lan.send(ipv6Packet("2001:db8:7::1", SERVER));
  server.send(ipv6Packet(SERVER, "2001:db8:7::1"));
  world.settle();
  assertEquals([server.tun.length, lan.tun.length], [0, 0]);
  assertEquals(lan.counters.dropped(DropReason.SourceAddress), 1);
  assertEquals(server.counters.dropped(DropReason.NoRoute), 1);
});

Deno.test("isolated peers reach the server by IPv6, and nobody else", () => {
  const { world, server } = secureWorld(5, NETWORKS);
  const pi = join(world, server, "pi", { isolated: true });
  const nas = join(world, server, "nas");
  pi.send(ipv6Packet("fd00:1:2::2", "fd00:1:2::3"));
  nas.send(ipv6Packet("fd00:1:2::3", "fd00:1:2::2"));
  pi.send(ipv6Packet("fd00:1:2::2", SERVER));
  world.settle();
  assertEquals([pi.tun.length, nas.tun.length], [0, 0]);
  assertEquals(summaries(server.tun), [`fd00:1:2::2 > ${SERVER}`]);
  assertEquals(server.counters.dropped(DropReason.Isolated), 2);
});

Deno.test("multicast, link-local and loopback do not pass a server, whoever sends them", () => {
  const { world, server } = secureWorld(6, NETWORKS);
  const pi = join(world, server, "pi");
  for (const destination of ["ff02::1", "fe80::1", "::1", "::"]) {
    server.send(ipv6Packet(SERVER, destination));
  }
  world.settle();
  assertEquals(pi.tun.length, 0);
  assertEquals(server.counters.dropped(DropReason.Multicast), 1);
  assertEquals(server.counters.dropped(DropReason.DestinationAddress), 3);
});

Deno.test("a classic client has IPv4 alone, also beside peers that have both", () => {
  const { world, server } = secureWorld(7, { ...NETWORKS, classic: true });
  const pi = join(world, server, "pi");
  const old = world.connectClient();
  old.send(ipv6Packet("fd00:1:2::fe", "fd00:1:2::2"));
  pi.send(ipv6Packet("fd00:1:2::2", "fd00:1:2::fe"));
  pi.send(ipv4Packet("10.0.0.2", old.address));
  world.settle();
  assertEquals(pi.tun.length, 0);
  assertEquals(summaries(old.tun), [`10.0.0.2 > ${old.address}`]);
  assertEquals(old.counters.dropped(DropReason.SourceAddress), 1);
});
