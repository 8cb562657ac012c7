import {
  AF_INET,
  AF_INET6,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  MSG_NOSIGNAL,
} from "../../../ffi/constants.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import { Epoll } from "../../../ffi/epoll.ts";
import { Errno, OsError } from "../../../ffi/error.ts";
import { closeFd } from "../../../ffi/fd.ts";
import { errno, libc } from "../../../ffi/libc.ts";
import { NativeBuffer } from "../../../ffi/native_buffer.ts";
import {
  acceptTcp,
  connectTcp,
  listenTcp,
  localAddress,
  socketError,
} from "../../../ffi/socket.ts";
import { SocketAddress } from "../../../ffi/socket_address.ts";

const PATIENCE = 10_000;
const LOOPBACK = new SocketAddress(Uint8Array.fromHex("020000007f0000010000000000000000"));
const LOOPBACK6 = new SocketAddress(Uint8Array.fromHex(`0a00${"00".repeat(21)}0100000000`));
const HAS_IPV6 = hasIpv6();

function hasIpv6(): boolean {
  try {
    closeFd(listenTcp(LOOPBACK6));
    return true;
  } catch (error) {
    if (error instanceof OsError) return false;
    throw error;
  }
}

/** Sockets that belong together; all are closed when it is disposed of. */
class Sockets implements Disposable {
  readonly #epoll = new Epoll(1);
  readonly #fds = new Set<number>();

  own(fd: number): number {
    this.#fds.add(fd);
    return fd;
  }

  close(fd: number): void {
    this.#fds.delete(fd);
    closeFd(fd);
  }

  listen(at = LOOPBACK): { listener: number; address: SocketAddress } {
    const listener = this.own(listenTcp(at));
    return { listener, address: localAddress(listener) };
  }

  /** The two ends of a connection, and what the accepting one says of its peer. */
  pair(): { listener: number; client: number; server: number; peer: SocketAddress } {
    const { listener, address } = this.listen();
    const client = this.own(connectTcp(address));
    this.until(client, EPOLLOUT);
    this.until(listener, EPOLLIN);
    const { fd, peer } = acceptTcp(listener)!;
    return { listener, client, server: this.own(fd), peer };
  }

  /** Waits until an event comes and returns all that come with it. */
  until(fd: number, events: number): number {
    this.#epoll.add(fd, events);
    assertEquals(this.#epoll.wait(PATIENCE), 1);
    this.#epoll.delete(fd);
    return this.#epoll.events(0);
  }

  [Symbol.dispose](): void {
    this.#fds.forEach(closeFd);
    this.#epoll.close();
  }
}

function send(fd: number, text: string): number {
  const buffer = new NativeBuffer(text.length);
  buffer.bytes.set(new TextEncoder().encode(text));
  return libc.send(fd, buffer.address, text.length, MSG_NOSIGNAL);
}

function receive(fd: number): string {
  const buffer = new NativeBuffer(100);
  const count = libc.recv(fd, buffer.address, 100, 0);
  assert(count >= 0);
  return new TextDecoder().decode(buffer.bytes.subarray(0, count));
}

/** A socket option by its numbers in the kernel's headers. */
function option(fd: number, level: number, name: number): number {
  const [value, length] = [new NativeBuffer(4), new NativeBuffer(4)];
  length.view.setUint32(0, 4, true);
  assertEquals(libc.getsockopt(fd, level, name, value.address, length.address), 0);
  return value.view.getInt32(0, true);
}

Deno.test("A connection carries bytes both ways, and tells of its end", () => {
  using sockets = new Sockets();
  const { client, server, peer } = sockets.pair();
  assertEquals(socketError(client), 0);
  assertEquals(`${peer}`, `${localAddress(client)}`);
  assertEquals(send(client, "there"), 5);
  sockets.until(server, EPOLLIN);
  assertEquals(receive(server), "there");
  assertEquals(send(server, "back"), 4);
  sockets.until(client, EPOLLIN);
  assertEquals(receive(client), "back");
  sockets.close(server);
  sockets.until(client, EPOLLIN);
  assertEquals(receive(client), "");
});

Deno.test("Sockets do not block: nothing to accept, nothing to read, no room to send", () => {
  using sockets = new Sockets();
  const { listener } = sockets.listen();
  assertEquals(acceptTcp(listener), undefined);
  const { client, server } = sockets.pair();
  const buffer = new NativeBuffer(1 << 20);
  for (const fd of [client, server]) {
    assertEquals([libc.recv(fd, buffer.address, 1, 0), errno()], [-1, Errno.EAGAIN]);
  }
  let sent = 0;
  let count = 0;
  while (count >= 0) {
    count = libc.send(client, buffer.address, 1 << 20, MSG_NOSIGNAL);
    if (count > 0) sent += count;
  }
  assertEquals(errno(), Errno.EAGAIN);
  assert(sent > 0);
});

Deno.test("Both ends of a connection are tuned", () => {
  using sockets = new Sockets();
  const { client, server } = sockets.pair();
  for (const fd of [client, server]) {
    const [tcp, socket] = [6, 1];
    assertEquals(option(fd, tcp, 1), 1, "TCP_NODELAY");
    assertEquals(option(fd, tcp, 25), 128 * 1024, "TCP_NOTSENT_LOWAT");
    assertEquals(option(fd, tcp, 18), 20_000, "TCP_USER_TIMEOUT");
    assertEquals(option(fd, socket, 9), 1, "SO_KEEPALIVE");
  }
});

Deno.test("socketError() tells why a connection failed, once", () => {
  using sockets = new Sockets();
  const { listener, address } = sockets.listen();
  sockets.close(listener);
  const client = sockets.own(connectTcp(address));
  assert(sockets.until(client, EPOLLOUT) & EPOLLHUP);
  assertEquals(socketError(client), Errno.ECONNREFUSED);
  assertEquals(socketError(client), 0);
});

Deno.test("A send over a broken connection fails and sends no signal", () => {
  using sockets = new Sockets();
  const { client, server } = sockets.pair();
  sockets.close(server);
  // The first send is answered by a reset, which the next one meets.
  send(client, "x");
  sockets.until(client, EPOLLHUP);
  socketError(client);
  assertEquals([send(client, "x"), errno()], [-1, Errno.EPIPE]);
});

Deno.test("listenTcp() listens on the very port that it is told", () => {
  using sockets = new Sockets();
  const port = getAvailablePort();
  const listener = sockets.own(listenTcp(LOOPBACK.withPort(port)));
  assertEquals(localAddress(listener).port, port);
});

Deno.test("listenTcp() throws OsError of bind when the port is taken", () => {
  using sockets = new Sockets();
  const { address } = sockets.listen();
  const error = assertThrows(() => listenTcp(address), OsError);
  assertEquals([error.call, error.errno], ["bind", Errno.EADDRINUSE]);
});

Deno.test("listenTcp() takes a port again while old connections to it are left", () => {
  using sockets = new Sockets();
  const { listener, server } = sockets.pair();
  const address = localAddress(server);
  sockets.close(listener);
  const again = sockets.listen(address);
  assertEquals(`${again.address}`, `${address}`);
});

Deno.test("acceptTcp() and connectTcp() meet Deno's own sockets", async () => {
  using sockets = new Sockets();
  const { listener, address } = sockets.listen();
  using conn = await Deno.connect({ hostname: address.host, port: address.port });
  sockets.until(listener, EPOLLIN);
  const { fd, peer } = acceptTcp(listener)!;
  sockets.own(fd);
  assertEquals(peer.port, (conn.localAddr as Deno.NetAddr).port);
  send(fd, "hello");
  const bytes = new Uint8Array(5);
  await conn.read(bytes);
  assertEquals(new TextDecoder().decode(bytes), "hello");
});

Deno.test({
  name: "listenTcp() on the IPv6 wildcard takes IPv4 connections, and names their peers alike",
  ignore: !HAS_IPV6,
  fn: () => {
    using sockets = new Sockets();
    const { listener, address } = sockets.listen(SocketAddress.any(AF_INET6, 0));
    for (const [to, host] of [[LOOPBACK, "127.0.0.1"], [LOOPBACK6, "::1"]] as const) {
      sockets.own(connectTcp(to.withPort(address.port)));
      sockets.until(listener, EPOLLIN);
      const { fd, peer } = acceptTcp(listener)!;
      sockets.own(fd);
      assertEquals(peer.host, host);
    }
  },
});

Deno.test("localAddress() tells the port that the kernel chose", () => {
  using sockets = new Sockets();
  const { address } = sockets.listen();
  assertEquals([address.family, address.host, address.port > 0], [AF_INET, "127.0.0.1", true]);
});
