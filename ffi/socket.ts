import {
  AF_INET6,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_CONGESTION,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_NOTSENT_LOWAT,
  TCP_USER_TIMEOUT,
} from "./constants.ts";
import { check, Errno, OsError } from "./error.ts";
import { closeFd } from "./fd.ts";
import { LINGER, SOCKADDR_IN6, TCP_INFO as TCP_INFO_LAYOUT } from "./layout.ts";
import { errno, libc } from "./libc.ts";
import { cString, NativeBuffer, readUint64 } from "./native_buffer.ts";
import { SocketAddress } from "./socket_address.ts";

const LISTEN_BACKLOG = 256;

/** Most bytes that the kernel may hold unsent per connection. */
const NOTSENT_LOWAT = 128 * 1024;

/** Seconds of silence, and between probes, after which the kernel asks whether the peer is there. */
const KEEPALIVE_IDLE = 15;
const KEEPALIVE_PROBE_INTERVAL = 5;
const KEEPALIVE_PROBES = 3;

/** Bytes of the longest name of a congestion control, its NUL included (include/net/tcp.h). */
const TCP_CA_NAME_MAX = 16;

/** Milliseconds that sent data may stay unacknowledged before the connection counts as dead. */
const USER_TIMEOUT = 20_000;

const option = new NativeBuffer(4);
const address = new NativeBuffer(SOCKADDR_IN6.size);
const length = new NativeBuffer(4);
const congestion = new NativeBuffer(TCP_CA_NAME_MAX);
const info = new NativeBuffer(TCP_INFO_LAYOUT.tcpi_data_segs_out + 4);
const linger = new NativeBuffer(LINGER.size);

/** Makes a socket that blocks (for ioctls) and is closed on exec. @throws {OsError} */
export function createSocket(family: number, type: number): number {
  return check("socket", libc.socket(family, type | SOCK_CLOEXEC, 0));
}

/**
 * Listens for TCP connections, non-blocking. An IPv6 wildcard address takes IPv4 ones as well.
 *
 * @throws {OsError} of the call that failed, `bind` if the address or port cannot be had
 */
export function listenTcp(at: SocketAddress): number {
  const fd = createSocket(at.family, SOCK_STREAM | SOCK_NONBLOCK);
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (at.family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    address.bytes.set(at.bytes);
    check("bind", libc.bind(fd, address.address, at.bytes.length));
    check("listen", libc.listen(fd, LISTEN_BACKLOG));
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * Takes the next waiting connection, tuned by `tuneTcp()`. Returns undefined if none is waiting.
 *
 * @throws {OsError} such as EMFILE; a connection that died in the queue is passed over
 */
export function acceptTcp(listener: number): { fd: number; peer: SocketAddress } | undefined {
  for (;;) {
    length.view.setUint32(0, address.bytes.length, true);
    const flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = libc.accept4(listener, address.address, length.address, flags);
    if (fd < 0) {
      const number = errno();
      if (number === Errno.EAGAIN) return undefined;
      if (number === Errno.ECONNABORTED || number === Errno.EINTR) continue;
      throw new OsError("accept4", number);
    }
    tuneTcp(fd);
    const peer = address.bytes.slice(0, length.view.getUint32(0, true));
    return { fd, peer: new SocketAddress(peer) };
  }
}

/**
 * Begins a TCP connection, non-blocking and tuned by `tuneTcp()`. When the socket turns writable,
 * `socketError()` tells how it went.
 *
 * @param congestion name of its congestion control; the system's default if left out
 * @throws {OsError} if it fails at once, as when there is no route
 */
export function connectTcp(to: SocketAddress, congestion?: string): number {
  const fd = createSocket(to.family, SOCK_STREAM | SOCK_NONBLOCK);
  tuneTcp(fd);
  if (congestion !== undefined) setCongestionControl(fd, congestion);
  address.bytes.set(to.bytes);
  const result = libc.connect(fd, address.address, to.bytes.length);
  const number = result < 0 ? errno() : 0;
  if (number === 0 || number === Errno.EINPROGRESS) return fd;
  closeFd(fd);
  throw new OsError("connect", number);
}

/**
 * Bounds how many bytes the kernel holds unsent before it says "not now". What waits there cannot be
 * dropped, and makes every later packet late.
 *
 * @param bytes above NOTSENT_LOWAT that counts instead
 */
export function limitUnsent(fd: number, bytes: number): void {
  trySetOption(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, Math.min(bytes, NOTSENT_LOWAT));
}

/**
 * Chooses how a socket, and each that a listening one accepts, makes way for others.
 *
 * @param name as the kernel calls it, up to 15 bytes
 * @throws {OsError} ENOENT if there is none of this name, EPERM if this user may not have it
 */
export function setCongestionControl(fd: number, name: string): void {
  const text = cString(name);
  congestion.bytes.set(text);
  const { address } = congestion;
  const result = libc.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, address, text.length);
  check("setsockopt", result);
}

/** Makes `closeFd()` reset the connection and throw away what waits, in either direction. @throws {OsError} */
export function resetOnClose(fd: number): void {
  linger.view.setInt32(LINGER.l_onoff, 1, true);
  linger.view.setInt32(LINGER.l_linger, 0, true);
  check("setsockopt", libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, linger.address, LINGER.size));
}

/** Takes the error that waits on a socket; 0 if there is none. @throws {OsError} */
export function socketError(fd: number): number {
  length.view.setUint32(0, 4, true);
  check(
    "getsockopt",
    libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, option.address, length.address),
  );
  return option.view.getInt32(0, true);
}

/** What the kernel knows of a connection (TCP_INFO, tcp(7)); counts are from its beginning on. */
export interface TcpInfo {
  /** Segments with data that were sent, and those among them that repeat one: 32 bits. */
  segments: number;
  repeats: number;
  /** Bytes that the other end acknowledged. */
  acknowledged: number;
  /** Segments that wait for an acknowledgement, and bytes that wait to be sent. */
  unacknowledged: number;
  unsent: number;
  /** Microseconds there and back, smoothed. */
  roundTrip: number;
}

/** Asks for it; what an old kernel does not tell is 0. @throws {OsError} */
export function tcpInfo(fd: number): TcpInfo {
  const { view, bytes } = info;
  bytes.fill(0);
  length.view.setUint32(0, bytes.length, true);
  const result = libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info.address, length.address);
  check("getsockopt", result);
  return {
    segments: view.getUint32(TCP_INFO_LAYOUT.tcpi_data_segs_out, true),
    repeats: view.getUint32(TCP_INFO_LAYOUT.tcpi_total_retrans, true),
    acknowledged: readUint64(view, TCP_INFO_LAYOUT.tcpi_bytes_acked),
    unacknowledged: view.getUint32(TCP_INFO_LAYOUT.tcpi_unacked, true),
    unsent: view.getUint32(TCP_INFO_LAYOUT.tcpi_notsent_bytes, true),
    roundTrip: view.getUint32(TCP_INFO_LAYOUT.tcpi_rtt, true),
  };
}

/** The address that a socket is bound to. @throws {OsError} */
export function localAddress(fd: number): SocketAddress {
  length.view.setUint32(0, address.bytes.length, true);
  check("getsockname", libc.getsockname(fd, address.address, length.address));
  return new SocketAddress(address.bytes.slice(0, length.view.getUint32(0, true)));
}

/**
 * Packets leave at once, queues stay where they can be dropped from, and a path that went dead is
 * noticed whether or not there is something to send. A kernel, or something that acts as one, that
 * lacks one of the options does without it: no connection is lost for that.
 */
function tuneTcp(fd: number): void {
  trySetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  limitUnsent(fd, NOTSENT_LOWAT);
  trySetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  trySetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE);
  trySetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_PROBE_INTERVAL);
  trySetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
  trySetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT);
}

/** @throws {OsError} */
export function setOption(fd: number, level: number, name: number, value: number): void {
  check("setsockopt", trySetOption(fd, level, name, value));
}

/** Returns a negative number if the kernel does not take it. */
export function trySetOption(fd: number, level: number, name: number, value: number): number {
  option.view.setInt32(0, value, true);
  return libc.setsockopt(fd, level, name, option.address, 4);
}
