/** That packets on their way from one TUN device to the other leave nothing for the garbage collector. */
import { assert } from "@std/assert";
import { selectCipherSuite } from "../../../daemon/cipher_suite.ts";
import { EventLoop } from "../../../daemon/event_loop.ts";
import { PacketBuffer } from "../../../daemon/packet_buffer.ts";
import { TunPort } from "../../../daemon/tun_port.ts";
import { EPOLLIN } from "../../../ffi/constants.ts";
import { check } from "../../../ffi/error.ts";
import { IoVector } from "../../../ffi/io_vector.ts";
import { NativeBuffer } from "../../../ffi/native_buffer.ts";
import { parseAddress } from "../../../lib/address/ip_address.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import type { Carrier } from "../../../lib/protocol/hello.ts";
import { ClientFilter } from "../../../lib/session/client_filter.ts";
import { Counters } from "../../../lib/session/counters.ts";
import { Router } from "../../../lib/session/router.ts";
import {
  headersLength,
  ipHeadersLength,
  type Recipe,
  TCP,
  UDP,
  unfinished,
  type Version,
  VERSIONS,
} from "../packet/offload_packets.ts";
import { CAPABILITIES, channelPair, NOBODY } from "./channel_pair.ts";

const HEADER = 10;
/** Between two looks at the heap. */
const SLICE = 500;

const AF_UNIX = 1;
const SOCK_SEQPACKET_NONBLOCK = 5 | 0o4000;

/** Two ends of a pipe that keeps messages apart, as a TUN device does: what one end writes the other reads. */
function messagePair(): [number, number] {
  const library = Deno.dlopen("libc.so.6", {
    socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  });
  const fds = new Int32Array(2);
  check("socketpair", library.symbols.socketpair(AF_UNIX, SOCK_SEQPACKET_NONBLOCK, 0, fds));
  library.close();
  return [fds[0]!, fds[1]!];
}

/** What a packet from the client to the server is made of. */
function recipeOf(version: Version, protocol: number, payload: number): Recipe {
  const [ipOptions, tcpOptions, flags] = [0, 0, 0x10];
  return { version, protocol, ipOptions, tcpOptions, payload: new Uint8Array(payload), flags };
}

/** A frame of a TUN device with offload: the header, and a packet. */
function frame(recipe: Recipe, gsoSize: number): NativeBuffer {
  const packet = unfinished(recipe);
  const buffer = new NativeBuffer(HEADER + packet.length);
  buffer.bytes.set(packet, HEADER);
  buffer.bytes[0] = 1;
  const [tcpv4, tcpv6] = [1, 4];
  buffer.bytes[1] = gsoSize === 0 ? 0 : recipe.version === 4 ? tcpv4 : tcpv6;
  buffer.view.setUint16(4, gsoSize, true);
  buffer.view.setUint16(6, ipHeadersLength(recipe), true);
  buffer.view.setUint16(8, recipe.protocol === TCP ? 16 : 6, true);
  return buffer;
}

/**
 * Sends frames through both ends, again and again; returns how many bytes of heap each took.
 *
 * @param recipe of each frame; all are sent before the first has come
 * @param warmUp after so many frames V8 has compiled what it will; as many are measured
 */
async function heapPerPacket(
  carrier: Carrier,
  recipe: Recipe,
  messages: readonly NativeBuffer[],
  warmUp: number,
): Promise<number> {
  const loop = new EventLoop();
  const buffer = new PacketBuffer(2);
  const counters = new Counters();
  const [near, clientTun] = messagePair();
  const [serverTun, far] = messagePair();
  const filter = new ClientFilter(["10.0.0.2", "fd00::2"].map(parseAddress));
  const context = {
    suite: selectCipherSuite("auto"),
    batches: buffer.batches,
    counters,
    capabilities: CAPABILITIES,
    segmenter: buffer.segmenter,
    clock: loop,
  };
  const client = await channelPair[carrier]({ loop, buffer, counters, context }, {
    ...NOBODY,
    channelPacket: (bytes, offset, length, offload) =>
      router.fromMember(member, bytes, offset, length, offload),
  });
  const member = { isolated: false, hasRoom: true, deliver: () => {}, counters: counters.part() };
  const out = new TunPort(
    loop,
    { fd: serverTun, offload: "tcp+udp" },
    buffer,
    counters,
    () => {},
    () => true,
  );
  const router = new Router(
    parseIpv4Prefix("10.0.0.0/16"),
    (bytes, offset, length, offload) => out.write(bytes, offset, length, offload),
    counters,
  );
  for (const address of ["10.0.0.2", "fd00::2"]) router.table.add(parseAddress(address), member);
  const tun = new TunPort(
    loop,
    { fd: clientTun, offload: "tcp+udp" },
    buffer,
    counters,
    (bytes, offset, length, offload) => {
      assert(filter.checkOutgoing(bytes, offset, length) === undefined);
      client.sendPacket(bytes, offset, length, offload);
    },
    () => client.hasRoom,
  );

  const headers = headersLength(recipe);
  const payload = recipe.payload.length;
  const received = new NativeBuffer(HEADER + 65_535);
  const exit = new IoVector();
  exit.set(received.address, HEADER + 65_535);
  const entries = messages.map(({ address, bytes }) => {
    const entry = new IoVector();
    entry.set(address, bytes.length);
    return entry;
  });
  // In an array: a variable that a closure changes would itself be an object on the heap.
  const [SENT, CAME, GROWN, HEAP] = [0, 1, 2, 3];
  const state = new Float64Array(4);
  const burst = (): void => {
    for (const entry of entries) entry.write(near);
    state[SENT]! += entries.length;
  };
  loop.add(near, 0, { ready: () => {} });
  loop.add(far, EPOLLIN, {
    ready: () => {
      for (let count; (count = exit.read(far)) > 0;) {
        state[CAME]! += count - HEADER - headers;
      }
    },
  });
  burst();
  loop.run({
    deadline: Infinity,
    advance: () => {},
    endTurn: () => {
      buffer.batches.flush();
      tun.resume();
      const sent = state[SENT]!;
      if (state[CAME]! < sent * payload) return;
      if (sent >= warmUp && sent % SLICE < entries.length) {
        const { heapUsed } = Deno.memoryUsage();
        // A collection makes it less: what a slice with one took is not known.
        const grown = heapUsed - state[HEAP]!;
        if (state[HEAP]! > 0 && grown > 0) state[GROWN]! += grown;
        state[HEAP] = heapUsed;
      }
      if (sent >= 2 * warmUp) loop.stop();
      else burst();
    },
  });
  return state[GROWN]! / warmUp;
}

/** Frames of segments that follow one another in a stream. */
function segments(recipe: Recipe, count: number): NativeBuffer[] {
  return Array.from({ length: count }, (_, i) => {
    const made = frame(recipe, 0);
    made.view.setUint32(HEADER + ipHeadersLength(recipe) + 4, i * recipe.payload.length);
    return made;
  });
}

function copies(recipe: Recipe, gsoSize: number, count: number): NativeBuffer[] {
  return Array.from({ length: count }, () => frame(recipe, gsoSize));
}

// A view or an array per packet, let alone an object with fields, takes 60 bytes and more. What there is
// comes with each record: large numbers that are boxed, 16 bytes each, and the test itself.
for (const version of VERSIONS) {
  const small = recipeOf(version, UDP, 64);
  const large = recipeOf(version, TCP, 60_000);
  const segment = recipeOf(version, TCP, 60);
  for (
    const [what, carrier, recipe, frames, warmUp, most] of [
      ["small UDP packets", "tcp", small, copies(small, 0, 16), 100_000, 32],
      ["TCP super-packets, each a record,", "tcp", large, copies(large, 1428, 2), 25_000, 100],
      ["small UDP packets in datagrams", "udp", small, copies(small, 0, 16), 100_000, 32],
      ["TCP super-packets, each 44 datagrams,", "udp", large, copies(large, 1394, 1), 5_000, 1500],
      ["TCP segments in datagrams", "udp", segment, segments(segment, 16), 100_000, 32],
    ] as const
  ) {
    Deno.test(`IPv${version}: ${what} leave no objects from TUN device to TUN device`, async () => {
      const bytes = await heapPerPacket(carrier, recipe, frames, warmUp);
      assert(bytes < most, `${bytes} bytes of heap per packet`);
    });
  }
}
