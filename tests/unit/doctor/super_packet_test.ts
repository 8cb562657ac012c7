import { assertEquals } from "@std/assert";
import { superPacketFrame } from "../../../lib/doctor/super_packet.ts";
import { VirtioNetHeader } from "../../../lib/packet/virtio_net_header.ts";
import { gsoSizeOf, kindOf, PacketKind } from "../../../lib/packet/offload.ts";
import { pseudoHeader, sum } from "../packet/offload_packets.ts";

Deno.test("superPacketFrame() is a frame that can be read like one of the kernel's", () => {
  const frame = superPacketFrame();
  const packet = frame.subarray(10);
  const offload = new VirtioNetHeader().read(frame, 10, packet.length);
  assertEquals(kindOf(offload), PacketKind.TcpSegments);
  assertEquals(gsoSizeOf(offload), 1000);
  assertEquals(sum(packet.subarray(0, 20)), 0xffff);
  assertEquals((packet[36]! << 8) | packet[37]!, sum(pseudoHeader(packet, 20, 6)));
});
