/** UDP sockets: many datagrams by one call, each way (udp(7), sendmsg(2), recvmsg(2)). */
import {
  AF_INET6,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_PMTUDISC_PROBE,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_MTU,
  IPV6_MTU_DISCOVER,
  IPV6_PKTINFO,
  IPV6_PMTUDISC_PROBE,
  IPV6_RECVPKTINFO,
  IPV6_V6ONLY,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  UDP_GRO,
  UDP_SEGMENT,
} from "./constants.ts";
import { check } from "./error.ts";
import { closeFd } from "./fd.ts";
import { CMSGHDR, IN6_PKTINFO, IOVEC, MSGHDR, SOCKADDR_IN6 } from "./layout.ts";
import { errno, libc } from "./libc.ts";
import { NativeBuffer, writeUint64 } from "./native_buffer.ts";
import { createSocket, setOption, trySetOption } from "./socket.ts";
import type { SocketAddress } from "./socket_address.ts";

/**
 * Bytes that wait in a socket, as Linux counts them (it allows twice as many, and counts its own): what a
 * fast tunnel carries in some milliseconds. More would only make everything late.
 */
const SOCKET_BUFFER = 1024 * 1024;

/** Bytes of an address of this machine, IPv4 ones mapped. */
export const LOCAL_LENGTH = 16;

/** CMSG_SPACE of the two pieces of control data. */
const SEGMENT_SPACE = CMSGHDR.size + 8;
const PKTINFO_SPACE = CMSGHDR.size + 24;

/** Room for whatever the kernel tells. */
const CONTROL_LENGTH = 256;

const option = new NativeBuffer(4);
const optionLength = new NativeBuffer(4);
const address = new NativeBuffer(SOCKADDR_IN6.size);

/**
 * Opens a UDP socket, non-blocking, whose datagrams are never fragmented. An IPv6 wildcard address takes
 * IPv4 as well.
 *
 * @throws {OsError} of the call that failed, `bind` if the address or port cannot be had
 */
export function openUdp(at: SocketAddress): number {
  const fd = createSocket(at.family, SOCK_DGRAM | SOCK_NONBLOCK);
  try {
    if (at.family === AF_INET6) {
      setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
      trySetOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      trySetOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    }
    trySetOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    trySetOption(fd, IPPROTO_UDP, UDP_GRO, 1);
    setBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    setBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    address.bytes.set(at.bytes);
    check("bind", libc.bind(fd, address.address, at.bytes.length));
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * Longest IP packet that the kernel believes to pass to an address: the interface's MTU, or less if
 * somebody on the way said so.
 *
 * @throws {OsError} if there is no way there
 */
export function pathMtu(to: SocketAddress): number {
  const fd = createSocket(to.family, SOCK_DGRAM);
  try {
    address.bytes.set(to.bytes);
    check("connect", libc.connect(fd, address.address, to.bytes.length));
    optionLength.view.setUint32(0, 4, true);
    const [level, name] = to.family === AF_INET6 ? [IPPROTO_IPV6, IPV6_MTU] : [IPPROTO_IP, IP_MTU];
    const result = libc.getsockopt(fd, level, name, option.address, optionLength.address);
    check("getsockopt", result);
    return option.view.getInt32(0, true);
  } finally {
    closeFd(fd);
  }
}

/** A msghdr with one piece of memory, room for an address, and for control data. */
class Message {
  readonly header = new NativeBuffer(MSGHDR.size);
  readonly name = new NativeBuffer(SOCKADDR_IN6.size);
  readonly control: NativeBuffer;
  readonly #iovec = new NativeBuffer(IOVEC.size);

  constructor(controlLength: number) {
    this.control = new NativeBuffer(controlLength);
    const { view } = this.header;
    writeUint64(view, MSGHDR.msg_name, this.name.address);
    writeUint64(view, MSGHDR.msg_iov, this.#iovec.address);
    writeUint64(view, MSGHDR.msg_iovlen, 1);
    writeUint64(view, MSGHDR.msg_control, this.control.address);
  }

  setMemory(address: number, length: number): void {
    writeUint64(this.#iovec.view, IOVEC.iov_base, address);
    writeUint64(this.#iovec.view, IOVEC.iov_len, length);
  }

  setLengths(name: number, control: number): void {
    this.header.view.setUint32(MSGHDR.msg_namelen, name, true);
    writeUint64(this.header.view, MSGHDR.msg_controllen, control);
  }
}

/** Receives datagrams; what it tells is about the last ones. */
export class UdpReceiver {
  /** Where they came from: a socket address in its first `nameLength` bytes. */
  readonly name: Uint8Array;
  nameLength = 0;
  /** Which address of this machine they came to, LOCAL_LENGTH bytes; all zeros where that is not told. */
  readonly local = new Uint8Array(LOCAL_LENGTH);
  /** Bytes of each datagram but the last. */
  size = 0;
  readonly #message = new Message(CONTROL_LENGTH);

  constructor() {
    this.name = this.#message.name.bytes;
  }

  /**
   * Receives one datagram, or several of one sender and one length that came together, into `length` bytes
   * at `address`. Returns how many bytes they have; negative with errno if there is none.
   */
  receive(fd: number, address: number, length: number): number {
    const message = this.#message;
    message.setMemory(address, length);
    message.setLengths(SOCKADDR_IN6.size, CONTROL_LENGTH);
    const count = libc.recvmsg(fd, message.header.bytes, 0);
    if (count < 0) return count;
    this.nameLength = message.header.view.getUint32(MSGHDR.msg_namelen, true);
    this.size = count;
    this.#readControl(message.header.view.getUint32(MSGHDR.msg_controllen, true));
    return count;
  }

  #readControl(end: number): void {
    const { view, bytes } = this.#message.control;
    for (let at = 0; at + CMSGHDR.size <= end;) {
      const length = view.getUint32(at + CMSGHDR.cmsg_len, true);
      const level = view.getInt32(at + CMSGHDR.cmsg_level, true);
      const type = view.getInt32(at + CMSGHDR.cmsg_type, true);
      const data = at + CMSGHDR.size;
      if (level === IPPROTO_UDP && type === UDP_GRO) this.size = view.getInt32(data, true);
      if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
        for (let i = 0; i < LOCAL_LENGTH; i++) this.local[i] = bytes[data + i]!;
      }
      at += Math.max(CMSGHDR.size, (length + 7) & ~7);
    }
  }
}

/** Sends datagrams. */
export class UdpSender {
  readonly #plain = new Message(PKTINFO_SPACE);
  readonly #segmented = new Message(SEGMENT_SPACE + PKTINFO_SPACE);

  constructor() {
    const { view } = this.#segmented.control;
    writeUint64(view, CMSGHDR.cmsg_len, CMSGHDR.size + 2);
    view.setInt32(CMSGHDR.cmsg_level, IPPROTO_UDP, true);
    view.setInt32(CMSGHDR.cmsg_type, UDP_SEGMENT, true);
    writePktinfoHeader(view, SEGMENT_SPACE);
    writePktinfoHeader(this.#plain.control.view, 0);
  }

  /**
   * Sends `length` bytes at `address` as datagrams of `size` bytes, the last of which may be shorter.
   *
   * @param name a socket address
   * @param local the address of this machine to send from, LOCAL_LENGTH bytes; the kernel's choice if undefined
   * @returns 0, or the error number
   */
  send(
    fd: number,
    name: Uint8Array,
    local: Uint8Array | undefined,
    address: number,
    length: number,
    size: number,
  ): number {
    const isOne = length <= size;
    const message = isOne ? this.#plain : this.#segmented;
    const pktinfo = isOne ? 0 : SEGMENT_SPACE;
    message.name.bytes.set(name);
    message.setMemory(address, length);
    if (local !== undefined) message.control.bytes.set(local, pktinfo + CMSGHDR.size);
    if (!isOne) message.control.view.setUint16(CMSGHDR.size, size, true);
    message.setLengths(name.length, pktinfo + (local === undefined ? 0 : PKTINFO_SPACE));
    return libc.sendmsg(fd, message.header.bytes, 0) < 0 ? errno() : 0;
  }
}

function writePktinfoHeader(view: DataView, offset: number): void {
  writeUint64(view, offset + CMSGHDR.cmsg_len, CMSGHDR.size + IN6_PKTINFO.size);
  view.setInt32(offset + CMSGHDR.cmsg_level, IPPROTO_IPV6, true);
  view.setInt32(offset + CMSGHDR.cmsg_type, IPV6_PKTINFO, true);
}

/** Who may not go above the system's limit takes what that is. */
function setBuffer(fd: number, forced: number, plain: number): void {
  if (trySetOption(fd, SOL_SOCKET, forced, SOCKET_BUFFER) === 0) return;
  trySetOption(fd, SOL_SOCKET, plain, SOCKET_BUFFER);
}
