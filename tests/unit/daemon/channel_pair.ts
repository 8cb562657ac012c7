/** Two ends of a secure connection over real sockets, in one loop and one buffer. */
import { assert } from "@std/assert";
import { DatagramSocket } from "../../../daemon/datagram_socket.ts";
import type { EventLoop } from "../../../daemon/event_loop.ts";
import { OutboxPool } from "../../../daemon/outbox_pool.ts";
import type { PacketBuffer } from "../../../daemon/packet_buffer.ts";
import { StreamSocket } from "../../../daemon/stream_socket.ts";
import { AF_INET } from "../../../ffi/constants.ts";
import { libc } from "../../../ffi/libc.ts";
import { acceptTcp, connectTcp, listenTcp, localAddress } from "../../../ffi/socket.ts";
import { SocketAddress } from "../../../ffi/socket_address.ts";
import { openUdp } from "../../../ffi/udp.ts";
import { Opened } from "../../../lib/protocol/datagram_cipher.ts";
import { Capability, type Carrier } from "../../../lib/protocol/hello.ts";
import type { Handshake } from "../../../lib/protocol/noise.ts";
import type { Counters } from "../../../lib/session/counters.ts";
import { DatagramChannel } from "../../../lib/session/datagram_channel.ts";
import { DATAGRAM_MOST } from "../../../lib/session/limits.ts";
import { RecordChannel } from "../../../lib/session/record_channel.ts";
import type { ChannelContext } from "../../../lib/session/channel_context.ts";
import type { ChannelOwner } from "../../../lib/session/channel_owner.ts";
import type { SecureChannel } from "../../../lib/session/secure_channel.ts";

const LOOPBACK = new SocketAddress(Uint8Array.fromHex("020000007f0000010000000000000000"));
export const CAPABILITIES = Capability.Offload | Capability.UdpSegments;

/** What both ends of a tunnel are made of here. */
export interface Parts {
  loop: EventLoop;
  buffer: PacketBuffer;
  counters: Counters;
  context: ChannelContext;
}

const TIMING = { keepalive: 15_000, timeout: 60_000 };

function handshake(send: number, receive: number): Handshake {
  const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
  return { sendKey: key(send), receiveKey: key(receive), hash: key(0) };
}

function lost(reason: string): never {
  throw new Error(`The channel was lost: ${reason}`);
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

/** Takes what nobody sends here. */
export const NOBODY: ChannelOwner = {
  channelPacket: () => {},
  channelControl: () => {},
  channelLost: lost,
  channelTooLong: () => {},
};

/** Makes two channels that know each other; returns the client's. The other tells `owner`. */
export const channelPair: Record<
  Carrier,
  (parts: Parts, owner: ChannelOwner) => Promise<SecureChannel>
> = {
  tcp: async ({ loop, buffer, context }, owner) => {
    const [clientFd, serverFd] = await streamPair();
    const streams = { loop, buffer, outboxes: new OutboxPool() };
    const open = (fd: number, keys: Handshake, owner: ChannelOwner): RecordChannel => {
      const socket = new StreamSocket(streams, fd, SocketAddress.any(AF_INET, 0));
      const channel = new RecordChannel(owner, socket, keys, CAPABILITIES, TIMING, context);
      socket.attach({
        receive: (bytes, offset, length) => channel.receive(bytes, offset, length),
        disconnected: (reason) => lost(reason),
      });
      return channel;
    };
    open(serverFd, handshake(2, 1), owner);
    return open(clientFd, handshake(1, 2), NOBODY);
  },

  udp: ({ loop, buffer, counters, context }, owner) => {
    const [clientFd, serverFd] = [openUdp(LOOPBACK), openUdp(LOOPBACK)];
    const open = (
      fd: number,
      to: number,
      keys: Handshake,
      owner: ChannelOwner,
    ): DatagramChannel => {
      const socket = new DatagramSocket(loop, buffer, counters, fd);
      const path = socket.pathTo(localAddress(to));
      const channel = new DatagramChannel(owner, path, 1, keys, CAPABILITIES, TIMING, context);
      channel.longest = DATAGRAM_MOST;
      socket.attach({
        receiveDatagram: (bytes, offset, length) => {
          assert(channel.open(bytes, offset, length) === Opened.Newest);
          channel.take(bytes, offset, length);
        },
        settle: () => channel.settle(),
      });
      return channel;
    };
    open(serverFd, clientFd, handshake(2, 1), owner);
    return Promise.resolve(open(clientFd, serverFd, handshake(1, 2), NOBODY));
  },
};
