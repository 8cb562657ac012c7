/** That packets on their way from one TUN device to the other leave nothing for the garbage collector. */
import { assert } from "@std/assert";
import { selectCipherSuite } from "../../../daemon/cipher_suite.ts";
import { EventLoop } from "../../../daemon/event_loop.ts";
import { OutboxPool } from "../../../daemon/outbox_pool.ts";
import { PacketBuffer } from "../../../daemon/packet_buffer.ts";
import { StreamSocket } from "../../../daemon/stream_socket.ts";
import { TunPort } from "../../../daemon/tun_port.ts";
import { EPOLLIN } from "../../../ffi/constants.ts";
import { check } from "../../../ffi/error.ts";
import { IoVector } from "../../../ffi/io_vector.ts";
import { libc } from "../../../ffi/libc.ts";
import { NativeBuffer } from "../../../ffi/native_buffer.ts";
import { acceptTcp, connectTcp, listenTcp, localAddress } from "../../../ffi/socket.ts";
import { SocketAddress } from "../../../ffi/socket_address.ts";
import { parseAddress } from "../../../lib/address/ip_address.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { Capability } from "../../../lib/protocol/hello.ts";
import { ClientFilter } from "../../../lib/session/client_filter.ts";
import { Counters } from "../../../lib/session/counters.ts";
import { Router } from "../../../lib/session/router.ts";
import { RecordChannel } from "../../../lib/session/record_channel.ts";
import type { ChannelOwner } from "../../../lib/session/secure_channel.ts";
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

const HEADER = 10;
/** Between two looks at the heap. */
const SLICE = 500;

const AF_UNIX = 1;
const SOCK_SEQPACKET_NONBLOCK = 5 | 0o4000;
const LOOPBACK = new SocketAddress(Uint8Array.fromHex("020000007f0000010000000000000000"));
const CAPABILITIES = Capability.Offload | Capability.UdpSegments;

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

async function streamPair(): Promise<[number, number]> {
  const listener = listenTcp(LOOPBACK);
  const client = connectTcp(localAddress(listener));
  for (;;) {
    const accepted = acceptTcp(listener);
    libc.close(accepted === undefined ? -1 : listener);
    if (accepted !== undefined) return [client, accepted.fd];
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
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
 * Sends a frame through both ends many times; returns how many bytes of heap each took.
 *
 * @param burstLength how many are sent before the first has come
 * @param warmUp after so many V8 has compiled what it will; as many are measured
 */
async function heapPerPacket(
  recipe: Recipe,
  gsoSize: number,
  burstLength: number,
  warmUp: number,
): Promise<number> {
  const message = frame(recipe, gsoSize);
  const loop = new EventLoop();
  const buffer = new PacketBuffer(2);
  const counters = new Counters();
  const [near, clientTun] = messagePair();
  const [serverTun, far] = messagePair();
  const [clientFd, serverFd] = await streamPair();
  const filter = new ClientFilter(["10.0.0.2", "fd00::2"].map(parseAddress));
  const context = {
    suite: selectCipherSuite("auto"),
    batches: buffer.batches,
    counters,
    capabilities: CAPABILITIES,
    segmenter: new Segmenter(),
    clock: loop,
  };
  const streams = { loop, buffer, outboxes: new OutboxPool() };
  const keys = { sendKey: new Uint8Array(32).fill(1), receiveKey: new Uint8Array(32).fill(2) };
  const open = (fd: number, handshake: typeof keys, owner: ChannelOwner): RecordChannel => {
    const socket = new StreamSocket(streams, fd);
    const timing = { keepalive: 15_000, timeout: 60_000 };
    const hash = new Uint8Array(32);
    const channel = new RecordChannel(
      owner,
      socket,
      { ...handshake, hash },
      CAPABILITIES,
      timing,
      context,
    );
    socket.attach({
      receive: (bytes, offset, length) => channel.receive(bytes, offset, length),
      disconnected: (reason) => lost(reason),
    });
    return channel;
  };
  const lost = (reason: string): never => {
    throw new Error(`The channel was lost: ${reason}`);
  };
  const swapped = { sendKey: keys.receiveKey.slice(), receiveKey: keys.sendKey.slice() };
  const client = open(clientFd, keys, {
    channelPacket: () => {},
    channelControl: () => {},
    channelLost: lost,
    channelTooLong: () => {},
  });
  open(serverFd, swapped, {
    channelPacket: (bytes, offset, length, offload) =>
      router.fromMember(member, bytes, offset, length, offload),
    channelControl: () => {},
    channelLost: lost,
    channelTooLong: () => {},
  });
  const member = { isolated: false, hasRoom: true, deliver: () => {} };
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

  const size = message.bytes.length;
  const headers = headersLength(recipe);
  const payload = recipe.payload.length;
  const received = new NativeBuffer(HEADER + 65_535);
  const [entry, exit] = [new IoVector(), new IoVector()];
  entry.set(message.address, size);
  exit.set(received.address, HEADER + 65_535);
  // In an array: a variable that a closure changes would itself be an object on the heap.
  const [SENT, CAME, GROWN, HEAP] = [0, 1, 2, 3];
  const state = new Float64Array(4);
  const burst = (): void => {
    for (let i = 0; i < burstLength; i++) entry.write(near);
    state[SENT]! += burstLength;
  };
  loop.add(near, 0, { ready: () => {} });
  loop.add(far, EPOLLIN, {
    ready: () => {
      for (let count; (count = exit.read(far)) > 0;) {
        state[CAME]! += (count - HEADER - headers) / payload;
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
      if (state[CAME]! < sent) return;
      if (sent >= warmUp && sent % SLICE < burstLength) {
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

// A view or an array per packet, let alone an object with fields, takes 60 bytes and more. What there is
// comes with each record: large numbers that calls into libcrypto box, 16 bytes each, and the test itself.
for (const version of VERSIONS) {
  const small = recipeOf(version, UDP, 64);
  const large = recipeOf(version, TCP, 60_000);
  for (
    const [what, recipe, gsoSize, burst, warmUp, most] of [
      ["small UDP packets", small, 0, 16, 100_000, 32],
      ["TCP super-packets, each a record,", large, 1428, 2, 25_000, 100],
    ] as const
  ) {
    Deno.test(`IPv${version}: ${what} leave no objects from TUN device to TUN device`, async () => {
      const bytes = await heapPerPacket(recipe, gsoSize, burst, warmUp);
      assert(bytes < most, `${bytes} bytes of heap per packet`);
    });
  }
}
