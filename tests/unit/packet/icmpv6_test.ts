import { assertEquals } from "@std/assert";
import { writePacketTooBig } from "../../../lib/packet/icmpv6.ts";
import { Random } from "../../random.ts";
import { ipv6Packet } from "../../sim/packets.ts";
import { isSound, UDP, unfinished } from "./offload_packets.ts";

const FRAGMENT = 44;
const ICMPV6 = 58;

/** The message about a packet, and nothing around it touched. */
function messageAbout(packet: Uint8Array, mtu = 1300): Uint8Array {
  const target = new Uint8Array(1400).fill(0xee);
  const at = 7;
  const length = writePacketTooBig(target, at, packet, 0, packet.length, mtu);
  const isUntouched = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0xee);
  assertEquals(isUntouched(target.subarray(0, at)), true);
  assertEquals(isUntouched(target.subarray(at + length)), true);
  return target.slice(at, at + length);
}

/** An IPv6 packet with this next header and payload. */
function packetOf(nextHeader: number, payload: ArrayLike<number>): Uint8Array {
  const packet = ipv6Packet("2001:db8::1", "2001:db8::2", Uint8Array.from(payload));
  packet[6] = nextHeader;
  return packet;
}

Deno.test("writePacketTooBig() says which packet is too long, and what is not", () => {
  const random = new Random(1);
  for (const [payload, quoted] of [[90, 138], [1184, 1232], [1185, 1232], [60_001, 1232]]) {
    const packet = unfinished({
      ...{ version: 6 as const, protocol: UDP, ipOptions: 0, tcpOptions: 0, flags: 0 },
      payload: random.bytes(payload!),
    });
    const message = messageAbout(packet, 70_000);
    const view = new DataView(message.buffer);
    assertEquals([message[0], view.getUint16(4), message[6]], [0x60, message.length - 40, ICMPV6]);
    assertEquals(message.subarray(8, 24), packet.subarray(24, 40));
    assertEquals(message.subarray(24, 40), packet.subarray(8, 24));
    assertEquals([message[40], message[41], view.getUint32(44)], [2, 0, 70_000]);
    assertEquals(message.subarray(48), packet.subarray(0, quoted));
    assertEquals(isSound(message), true);
  }
});

Deno.test("writePacketTooBig() says nothing about errors, however they are wrapped up", () => {
  const hopByHop = (next: number): number[] => [next, 0, 1, 4, 0, 0, 0, 0];
  const fragment = (next: number, at: number): number[] => [next, 0, at >> 5, at << 3, 0, 0, 0, 1];
  const [echo, error, redirect] = [[128, 0, 0, 0], [1, 0, 0, 0], [137, 0, 0, 0]];
  for (
    const [packet, isAnswered, what] of [
      [packetOf(ICMPV6, echo), true, "an echo request"],
      [packetOf(ICMPV6, error), false, "an error"],
      [packetOf(ICMPV6, redirect), false, "a redirect"],
      [packetOf(ICMPV6, []), false, "ICMPv6 without a type"],
      [packetOf(0, [...hopByHop(ICMPV6), ...error]), false, "an error behind options"],
      [packetOf(0, [...hopByHop(ICMPV6), ...echo]), true, "an echo request behind options"],
      [packetOf(0, [ICMPV6, 9]), false, "cut off options"],
      [packetOf(FRAGMENT, [...fragment(ICMPV6, 0), ...error]), false, "a fragment of an error"],
      [packetOf(FRAGMENT, [...fragment(ICMPV6, 0), ...echo]), true, "a first fragment"],
      [packetOf(FRAGMENT, [...fragment(ICMPV6, 50), ...error]), true, "another fragment"],
      [packetOf(FRAGMENT, [ICMPV6]), false, "a cut off fragment header"],
      [messageAbout(packetOf(UDP, [1, 2, 3])), false, "such a message"],
    ] as const
  ) {
    assertEquals(messageAbout(packet).length > 0, isAnswered, what);
  }
});

Deno.test("writePacketTooBig() answers nobody who is not one", () => {
  for (
    const [source, isAnswered] of [["::", false], ["ff02::1", false], ["fe80::1", true]] as const
  ) {
    assertEquals(messageAbout(ipv6Packet(source, "2001:db8::2")).length > 0, isAnswered, source);
  }
});

Deno.test("writePacketTooBig() takes any packet without failing", () => {
  const random = new Random(2);
  for (let i = 0; i < 20_000; i++) {
    const packet = packetOf(random.pick([0, 43, 44, 58, 60]), random.bytes(random.integer(0, 60)));
    packet[40] = random.pick([0, 43, 44, 58, 60]);
    messageAbout(packet.subarray(0, 40 + new DataView(packet.buffer).getUint16(4)));
  }
});
