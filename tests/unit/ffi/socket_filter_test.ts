import { assert, assertEquals, assertThrows } from "@std/assert";
import { OsError } from "../../../ffi/error.ts";
import { closeFd } from "../../../ffi/fd.ts";
import { NativeBuffer } from "../../../ffi/native_buffer.ts";
import { localAddress } from "../../../ffi/socket.ts";
import { SocketAddress } from "../../../ffi/socket_address.ts";
import { detachFilter, droppedDatagrams, sampleDatagrams } from "../../../ffi/socket_filter.ts";
import { openUdp, UdpReceiver, UdpSender } from "../../../ffi/udp.ts";

const LOOPBACK = new SocketAddress(Uint8Array.fromHex("020000007f0000010000000000000000"));
const PREFERRED = { first: { at: 0, byte: 4 }, second: { at: 7, byte: 0xa5 } };
const COUNT = 4000;

const memory = new NativeBuffer(65_536);
const sender = new UdpSender();
const receiver = new UdpReceiver();

/** How many of COUNT copies of a datagram pass. */
function passed(from: number, to: number, digits: string): number {
  const datagram = Uint8Array.fromHex(digits);
  const name = localAddress(to).bytes;
  let count = 0;
  for (let i = 0; i < COUNT; i++) {
    memory.bytes.set(datagram);
    const { length } = datagram;
    assertEquals(sender.send(from, name, undefined, memory.address, length, length), 0);
    if (receiver.receive(to, memory.address, memory.bytes.length) >= 0) count++;
  }
  return count;
}

Deno.test("a socket gets a part of the datagrams that are not preferred, and all that are", () => {
  const [from, to] = [openUdp(LOOPBACK), openUdp(LOOPBACK)];
  try {
    sampleDatagrams(to, PREFERRED, 0.25);
    assertEquals(passed(from, to, "04000000000000a5ff"), COUNT);
    assertEquals(droppedDatagrams(to), 0);
    let lost = 0;
    // By a binomial distribution, 0.25 is missed by so much once in ten million times.
    for (const digits of ["04000000000000a4ff", "01000000000000a5ff", "00".repeat(200)]) {
      const count = passed(from, to, digits);
      assert(Math.abs(count - COUNT / 4) < 0.04 * COUNT, `${digits}: ${count}`);
      lost += COUNT - count;
    }
    assertEquals(droppedDatagrams(to), lost);
    sampleDatagrams(to, PREFERRED, 0.75);
    assert(Math.abs(passed(from, to, "00") - COUNT * 0.75) < 0.04 * COUNT);
    detachFilter(to);
    assertEquals(passed(from, to, "00"), COUNT);
    assertThrows(() => detachFilter(to), OsError, "setsockopt");
  } finally {
    closeFd(from);
    closeFd(to);
  }
});
