import { assertEquals } from "@std/assert";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { parseIpv6 } from "../../../lib/address/ipv6_address.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { offloadOf, PacketKind, WHOLE } from "../../../lib/packet/offload.ts";
import { Counters, DropReason } from "../../../lib/session/counters.ts";
import { type Member, Router } from "../../../lib/session/router.ts";
import { ipv4Packet, ipv6Packet } from "../../sim/packets.ts";

/** A router with two members, and all that went where. */
function routed(): {
  router: Router;
  counters: Counters;
  one: Member;
  two: Member & { packets: [length: number, offload: number][] };
  tun: number[];
} {
  const counters = new Counters();
  const tun: number[] = [];
  const router = new Router(
    parseIpv4Prefix("10.0.0.0/24"),
    (_bytes, _offset, length) => tun.push(length),
    counters,
  );
  const one = { isolated: false, hasRoom: true, deliver: () => {}, counters: counters.part() };
  const packets: [number, number][] = [];
  const two = {
    isolated: false,
    hasRoom: true,
    packets,
    counters: counters.part(),
    deliver: (_bytes: Uint8Array, _offset: number, length: number, offload: number) => {
      packets.push([length, offload]);
    },
  };
  router.table.add(parseIpv4("10.0.0.2"), one);
  router.table.add(parseIpv4("10.0.0.3"), two);
  router.table.addPrefix(parsePrefix("192.168.7.0/24"), two);
  router.table.add(parseIpv6("fd00::2"), one);
  router.table.add(parseIpv6("fd00::3"), two);
  router.table.addPrefix(parsePrefix("2001:db8:7::/48"), two);
  return { router, counters, one, two, tun };
}

Deno.test("fromMember() checks the source of super-packets as of others, and passes them on whole", () => {
  const { router, counters, one, two, tun } = routed();
  const offload = offloadOf(PacketKind.TcpSegments, 1400);
  const payload = new Uint8Array(60_000);
  const send = (source: string, destination: string): void => {
    const packet = ipv4Packet(source, destination, payload);
    router.fromMember(one, packet, 0, packet.length, offload);
  };
  send("10.0.0.2", "10.0.0.3");
  send("10.0.0.2", "192.168.7.1");
  send("10.0.0.2", "192.0.2.1");
  for (const spoofed of ["10.0.0.3", "10.0.0.1", "192.168.7.1", "192.0.2.1", "0.0.0.0"]) {
    send(spoofed, "10.0.0.3");
  }
  assertEquals(two.packets, [[60_020, offload], [60_020, offload]]);
  assertEquals(tun, [60_020]);
  assertEquals(counters.dropped(DropReason.SourceAddress), 5);
});

Deno.test("fromMember() does the same with IPv6", () => {
  const { router, counters, one, two, tun } = routed();
  const offload = offloadOf(PacketKind.TcpSegments, 1400);
  const send = (source: string, destination: string): void => {
    const packet = ipv6Packet(source, destination, new Uint8Array(60_000));
    router.fromMember(one, packet, 0, packet.length, offload);
  };
  send("fd00::2", "fd00::3");
  send("fd00::2", "2001:db8:7::1");
  send("fd00::2", "2001:db8:8::1");
  for (const spoofed of ["fd00::3", "fd00::1", "2001:db8:7::1", "fe80::2", "::", "::1"]) {
    send(spoofed, "fd00::3");
  }
  assertEquals(two.packets, [[60_040, offload], [60_040, offload]]);
  assertEquals(tun, [60_040]);
  assertEquals(counters.dropped(DropReason.SourceAddress), 6);
  for (const destination of ["fe80::3", "::1", "::", "::ffff:10.0.0.3"]) {
    send("fd00::2", destination);
  }
  assertEquals(counters.dropped(DropReason.DestinationAddress), 4);
  send("fd00::2", "ff02::1");
  assertEquals(counters.dropped(DropReason.Multicast), 1);
  const cut = ipv6Packet("fd00::2", "fd00::3").subarray(0, 47);
  router.fromMember(one, cut, 0, cut.length, WHOLE);
  assertEquals(counters.dropped(DropReason.Malformed), 1);
  assertEquals([two.packets.length, tun.length], [2, 1]);
});
