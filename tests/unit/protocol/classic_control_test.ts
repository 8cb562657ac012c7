import { assertEquals } from "@std/assert";
import { LIMITED_BROADCAST, parseIpv4, UNSPECIFIED } from "../../../lib/address/ipv4_address.ts";
import {
  classify,
  CONTROL_LENGTH,
  controlDestination,
  controlSource,
  frameLength,
  Kind,
  writeControl,
} from "../../../lib/protocol/classic.ts";
import { Random } from "../../random.ts";
import { control, ipv4, ipv6 } from "./packets.ts";

Deno.test("writeControl() writes the very bytes of the C program", () => {
  assertEquals(
    control(parseIpv4("10.0.255.254"), UNSPECIFIED).toHex(),
    "451400000000000040000000" + "0a00fffe" + "00000000",
  );
});

Deno.test("controlSource() and controlDestination() read what writeControl() writes", () => {
  const random = new Random(17);
  const bytes = random.bytes(64);
  for (let i = 0; i < 5_000; i++) {
    const [source, destination] = [random.integer(0, 2 ** 32 - 1), random.integer(0, 2 ** 32 - 1)];
    const offset = random.integer(0, 44);
    writeControl(bytes, offset, source, destination);
    assertEquals(frameLength(bytes, offset, CONTROL_LENGTH), CONTROL_LENGTH);
    assertEquals(controlSource(bytes, offset), source);
    assertEquals(controlDestination(bytes, offset), destination);
  }
});

Deno.test("classify() tells control packets by their addresses, whatever else they say", () => {
  const random = new Random(18);
  const [any, host] = [UNSPECIFIED, parseIpv4("10.0.0.2")];
  const kinds: [number, number, Kind, Kind][] = [
    // Source, destination, and the kind with a Total Length of 0 and of 20.
    [any, any, Kind.DynamicRequest, Kind.DynamicRequest],
    [host, any, Kind.StaticRequest, Kind.StaticRequest],
    [LIMITED_BROADCAST, any, Kind.StaticRequest, Kind.StaticRequest],
    [any, host, Kind.Reply, Kind.Reply],
    [any, LIMITED_BROADCAST, Kind.Reply, Kind.Reply],
    [LIMITED_BROADCAST, LIMITED_BROADCAST, Kind.Keepalive, Kind.Keepalive],
    [host, LIMITED_BROADCAST, Kind.Unknown, Kind.Packet],
    [LIMITED_BROADCAST, host, Kind.Unknown, Kind.Packet],
    [host, host + 1, Kind.Unknown, Kind.Packet],
  ];
  for (const [source, destination, zero, twenty] of kinds) {
    const bytes = random.bytes(CONTROL_LENGTH);
    bytes.set(control(source, destination).subarray(12), 12);
    bytes.set([0x45, random.integer(0, 255), 0, 0]);
    assertEquals(classify(bytes, 0, CONTROL_LENGTH), zero, bytes.toHex());
    bytes[3] = 20;
    assertEquals(classify(bytes, 0, CONTROL_LENGTH), twenty, bytes.toHex());
  }
});

Deno.test("classify() takes nothing of another length for a control packet", () => {
  for (const packet of [ipv4(21), ipv4(24, 24), ipv6(0)]) {
    packet.fill(0, 12, 20);
    assertEquals(classify(packet, 0, packet.length), Kind.Packet);
  }
});
