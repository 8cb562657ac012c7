import {
  AF_PACKET,
  ETH_P_ALL,
  PACKET_IGNORE_OUTGOING,
  PACKET_STATISTICS,
  PACKET_VNET_HDR,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from "./constants.ts";
import { check } from "./error.ts";
import { closeFd } from "./fd.ts";
import { SOCKADDR_LL, TPACKET_STATS } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";
import { createSocket, setOption } from "./socket.ts";

/**
 * Opens a socket (packet(7)) for all frames that an interface receives, and to send frames by it. A
 * virtio_net_hdr goes before each, since a frame between two interfaces of one kernel may have a
 * checksum that is not finished yet. It blocks; the caller closes it.
 *
 * @param interfaceIndex the interface's number
 * @param buffer bytes that may wait to be received, by the kernel's own counting
 * @throws {OsError} EPERM without CAP_NET_RAW there and CAP_NET_ADMIN in the first user namespace
 */
export function openPacketSocket(interfaceIndex: number, buffer: number): number {
  const fd = createSocket(AF_PACKET, SOCK_RAW);
  try {
    setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer);
    setOption(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
    setOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    const { view, address } = new NativeBuffer(SOCKADDR_LL.size);
    view.setUint16(SOCKADDR_LL.sll_family, AF_PACKET, true);
    view.setUint16(SOCKADDR_LL.sll_protocol, ETH_P_ALL);
    view.setInt32(SOCKADDR_LL.sll_ifindex, interfaceIndex, true);
    check("bind", libc.bind(fd, address, SOCKADDR_LL.size));
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

const statistics = new NativeBuffer(TPACKET_STATS.size);
const length = new NativeBuffer(4);

/** How many frames a packet socket had no room for since this was asked last. @throws {OsError} */
export function takeMissedFrames(fd: number): number {
  length.view.setUint32(0, TPACKET_STATS.size, true);
  const result = libc.getsockopt(
    fd,
    SOL_PACKET,
    PACKET_STATISTICS,
    statistics.address,
    length.address,
  );
  check("getsockopt", result);
  return statistics.view.getUint32(TPACKET_STATS.tp_drops, true);
}
