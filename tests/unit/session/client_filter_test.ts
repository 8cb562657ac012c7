import { assertEquals } from "@std/assert";
import { parseAddress } from "../../../lib/address/ip_address.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { ClientFilter } from "../../../lib/session/client_filter.ts";
import { DropReason } from "../../../lib/session/counters.ts";
import { ipv4Packet, ipv6Packet } from "../../sim/packets.ts";

const { DestinationAddress, Malformed, Multicast, SourceAddress } = DropReason;

const filter = new ClientFilter(
  ["10.0.0.2", "fd00::2"].map(parseAddress),
  ["192.168.7.0/24", "2001:db8:7::/48", "2001:db8:7::/48"].map(parsePrefix),
);

function packet(source: string, destination: string): Uint8Array {
  return source.includes(":") ? ipv6Packet(source, destination) : ipv4Packet(source, destination);
}

function outgoing(source: string, destination: string): DropReason | undefined {
  const bytes = packet(source, destination);
  return filter.checkOutgoing(bytes, 0, bytes.length);
}

function incoming(source: string, destination: string): DropReason | undefined {
  const bytes = packet(source, destination);
  return filter.checkIncoming(bytes, 0, bytes.length);
}

Deno.test("checkOutgoing() lets a client's own sources pass, of both versions", () => {
  for (const source of ["10.0.0.2", "192.168.7.9"]) {
    assertEquals(outgoing(source, "10.0.0.1"), undefined);
  }
  for (const source of ["fd00::2", "2001:db8:7:9::9"]) {
    assertEquals(outgoing(source, "fd00::1"), undefined);
  }
  assertEquals(outgoing("10.0.0.3", "10.0.0.1"), SourceAddress);
  for (
    const source of ["fd00::3", "fd00::1:2", "2001:db8:8::", "fe80::2", "::", "::ffff:10.0.0.2"]
  ) {
    assertEquals(outgoing(source, "fd00::1"), SourceAddress, source);
  }
});

Deno.test("checkOutgoing() knows multicast, also from a kernel's link-local address, from a lie", () => {
  for (const source of ["fd00::2", "fe80::2", "::"]) {
    assertEquals(outgoing(source, "ff02::2"), Multicast);
  }
  for (const destination of ["fe80::1", "::1", "::", "::ffff:10.0.0.1"]) {
    assertEquals(outgoing("fd00::2", destination), DestinationAddress);
  }
  assertEquals(outgoing("10.0.0.2", "224.0.0.1"), Multicast);
  assertEquals(outgoing("10.0.0.2", "127.0.0.1"), DestinationAddress);
});

Deno.test("checkIncoming() lets pass what is for the client", () => {
  for (const destination of ["fd00::2", "2001:db8:7::"]) {
    assertEquals(incoming("2001:db8::1", destination), undefined);
  }
  for (const destination of ["fd00::3", "ff02::1", "fe80::2", "::1"]) {
    assertEquals(incoming("fd00::1", destination), DestinationAddress);
  }
  assertEquals(incoming("192.0.2.1", "10.0.0.2"), undefined);
  assertEquals(incoming("192.0.2.1", "10.0.0.3"), DestinationAddress);
});

Deno.test("Either way what is not one whole packet is malformed", () => {
  for (const bytes of [packet("10.0.0.2", "10.0.0.1"), packet("fd00::2", "fd00::2")]) {
    for (const length of [0, 1, 19, 39, bytes.length - 1]) {
      assertEquals(filter.checkOutgoing(bytes, 0, length), Malformed);
      assertEquals(filter.checkIncoming(bytes, 0, length), Malformed);
    }
  }
});
