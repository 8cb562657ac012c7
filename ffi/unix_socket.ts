import { AF_UNIX, MSG_NOSIGNAL, SOCK_DGRAM } from "./constants.ts";
import { check } from "./error.ts";
import { closeFd } from "./fd.ts";
import { SOCKADDR_UN } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";
import { createSocket } from "./socket.ts";

const PATH_MOST = SOCKADDR_UN.size - SOCKADDR_UN.sun_path;

/**
 * Sends one datagram to a Unix socket (unix(7)).
 *
 * @param name its path, or an abstract name with "@" in the place of the NUL that it begins with
 * @throws {RangeError} if the name is longer than such a name can be
 * @throws {OsError} `connect` if nobody listens there
 */
export function sendUnixDatagram(name: string, bytes: Uint8Array): void {
  const { address, length } = unixAddress(name);
  const message = new NativeBuffer(Math.max(1, bytes.length));
  message.bytes.set(bytes);
  const fd = createSocket(AF_UNIX, SOCK_DGRAM);
  try {
    check("connect", libc.connect(fd, address.address, length));
    check("send", libc.send(fd, message.address, bytes.length, MSG_NOSIGNAL));
  } finally {
    closeFd(fd);
  }
}

/**
 * The path of the Unix socket that a file descriptor is connected to; undefined if it is no such
 * connection (getpeername(2), unix(7)).
 */
export function unixPeerPath(fd: number): string | undefined {
  const peer = new NativeBuffer(SOCKADDR_UN.size);
  const length = new NativeBuffer(4);
  length.view.setUint32(0, peer.bytes.length, true);
  if (libc.getpeername(fd, peer.address, length.address) < 0) return undefined;
  if (peer.view.getUint16(SOCKADDR_UN.sun_family, true) !== AF_UNIX) return undefined;
  const path = peer.bytes.subarray(SOCKADDR_UN.sun_path, length.view.getUint32(0, true));
  const end = path.indexOf(0);
  return new TextDecoder().decode(end < 0 ? path : path.subarray(0, end)) || undefined;
}

/** A path ends with a NUL; an abstract name is as long as it is said to be. */
function unixAddress(name: string): { address: NativeBuffer; length: number } {
  const path = new TextEncoder().encode(name);
  const isAbstract = name.startsWith("@");
  if (path.length + (isAbstract ? 0 : 1) > PATH_MOST) {
    throw new RangeError(`The name of a Unix socket has ${PATH_MOST - 1} bytes at the most`);
  }
  const address = new NativeBuffer(SOCKADDR_UN.size);
  address.view.setUint16(SOCKADDR_UN.sun_family, AF_UNIX, true);
  address.bytes.set(path, SOCKADDR_UN.sun_path);
  if (isAbstract) address.bytes[SOCKADDR_UN.sun_path] = 0;
  return { address, length: SOCKADDR_UN.sun_path + path.length + (isAbstract ? 0 : 1) };
}
