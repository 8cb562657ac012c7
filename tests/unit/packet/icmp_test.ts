import { assertEquals } from "@std/assert";
import { writeFragmentationNeeded } from "../../../lib/packet/icmp.ts";
import { Random } from "../../random.ts";
import { sum, TCP, UDP, unfinished } from "./offload_packets.ts";

/** The message about a packet, and nothing around it touched. */
function messageAbout(packet: Uint8Array, mtu = 1234): Uint8Array {
  const target = new Uint8Array(200).fill(0xee);
  const length = writeFragmentationNeeded(target, 7, packet, 0, packet.length, mtu);
  assertEquals(target.filter((byte) => byte === 0xee).length >= 200 - length, true);
  return target.slice(7, 7 + length);
}

Deno.test("writeFragmentationNeeded() says which packet is too long, and what is not", () => {
  const random = new Random(1);
  for (const ipOptions of [0, 40]) {
    const recipe = {
      version: 4 as const,
      protocol: UDP,
      ipOptions,
      tcpOptions: 0,
      payload: random.bytes(90),
      flags: 0,
    };
    const packet = unfinished(recipe);
    const message = messageAbout(packet);
    const view = new DataView(message.buffer);
    assertEquals([message[0], view.getUint16(2), message[9]], [0x45, message.length, 1]);
    assertEquals(message.subarray(12, 16), packet.subarray(16, 20));
    assertEquals(message.subarray(16, 20), packet.subarray(12, 16));
    assertEquals([message[20], message[21], view.getUint16(26)], [3, 4, 1234]);
    assertEquals(message.subarray(28), packet.subarray(0, 20 + ipOptions + 8));
    assertEquals([sum(message.subarray(0, 20)), sum(message.subarray(20))], [0xffff, 0xffff]);
  }
});

Deno.test("writeFragmentationNeeded() says nothing about errors, and fragments but the first", () => {
  const packet = unfinished({
    ...{ version: 4 as const, protocol: TCP, ipOptions: 0, tcpOptions: 0, flags: 0 },
    payload: new Uint8Array(50),
  });
  const fragment = packet.slice();
  fragment[7] = 1;
  assertEquals(messageAbout(fragment).length, 0);
  assertEquals(messageAbout(messageAbout(packet)).length, 0);
});
