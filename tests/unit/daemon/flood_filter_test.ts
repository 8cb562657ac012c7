import { assert, assertEquals } from "@std/assert";
import { FloodFilter } from "../../../daemon/flood_filter.ts";
import { closeFd } from "../../../ffi/fd.ts";
import { NativeBuffer } from "../../../ffi/native_buffer.ts";
import { localAddress } from "../../../ffi/socket.ts";
import { SocketAddress } from "../../../ffi/socket_address.ts";
import { openUdp, UdpReceiver, UdpSender } from "../../../ffi/udp.ts";
import { Counters, DropReason } from "../../../lib/session/counters.ts";

const LOOPBACK = new SocketAddress(Uint8Array.fromHex("020000007f0000010000000000000000"));
const PREFERRED = { first: { at: 0, byte: 4 }, second: { at: 7, byte: 0xa5 } };

/** A server's socket, of whose datagrams all but the preferred are refused, and a sender. */
class Scene implements Disposable {
  readonly counters = new Counters();
  readonly filter: FloodFilter;
  now = 1000;
  readonly #from = openUdp(LOOPBACK);
  readonly #to = openUdp(LOOPBACK);
  readonly #name = localAddress(this.#to).bytes;
  readonly #memory = new NativeBuffer(2048);
  readonly #sender = new UdpSender();
  readonly #receiver = new UdpReceiver();

  constructor() {
    this.filter = new FloodFilter(this.#to, PREFERRED, this.counters);
    this.filter.update(this.now);
  }

  /** Sends so many datagrams within a tenth of a second. Returns how many arrived. */
  receive(count: number, first = 1): number {
    const { address, bytes } = this.#memory;
    let arrived = 0;
    for (let i = 0; i < count; i++) {
      bytes.set([first, 0, 0, 0, 0, 0, 0, 0xa5]);
      assertEquals(this.#sender.send(this.#from, this.#name, undefined, address, 100, 100), 0);
      if (this.#receiver.receive(this.#to, address, 2048) < 0) continue;
      arrived++;
      if (first !== 4) this.counters.drop(DropReason.Refused);
    }
    this.now += 100;
    this.filter.update(this.now);
    return arrived;
  }

  [Symbol.dispose](): void {
    closeFd(this.#from);
    closeFd(this.#to);
  }
}

Deno.test("while there is a flood the kernel drops what is too much of it, and no client's data", () => {
  using scene = new Scene();
  assertEquals(scene.receive(1500), 1500);
  assertEquals(scene.filter.deadline, Infinity);
  assertEquals(scene.receive(10_000), 10_000);
  assertEquals(scene.filter.deadline, scene.now + 100);
  for (let i = 0; i < 3; i++) {
    const arrived = scene.receive(10_000);
    assert(arrived > 1700 && arrived < 2300, `${arrived}`);
    assertEquals(scene.receive(5000, 4), 5000);
    // That interval was calm, so there is no filter any more.
    assertEquals(scene.receive(10_000), 10_000);
  }
  const { counters } = scene;
  const dropped = counters.dropped(DropReason.Flood);
  assertEquals(dropped + counters.dropped(DropReason.Refused), 71_500);
  assert(dropped > 20_000, `${dropped}`);
});

Deno.test("the part that passes follows the flood, and the filter goes when it does", () => {
  using scene = new Scene();
  scene.receive(4000);
  const half = scene.receive(20_000);
  assert(half > 9000 && half < 11_000, `${half}`);
  const tenth = scene.receive(20_000);
  assert(tenth > 1700 && tenth < 2300, `${tenth}`);
  assertEquals(scene.filter.deadline, scene.now + 100);
  scene.now += 100;
  scene.filter.update(scene.now);
  assertEquals(scene.filter.deadline, Infinity);
  assertEquals(scene.receive(100), 100);
});
