import { assert, assertEquals, assertThrows } from "@std/assert";
import { AF_INET6 } from "../../../ffi/constants.ts";
import { Errno, OsError } from "../../../ffi/error.ts";
import { closeFd } from "../../../ffi/fd.ts";
import { errno } from "../../../ffi/libc.ts";
import { NativeBuffer } from "../../../ffi/native_buffer.ts";
import { localAddress } from "../../../ffi/socket.ts";
import { SocketAddress } from "../../../ffi/socket_address.ts";
import { LOCAL_LENGTH, openUdp, pathMtu, UdpReceiver, UdpSender } from "../../../ffi/udp.ts";
import { Random } from "../../random.ts";

const LOOPBACK = new SocketAddress(Uint8Array.fromHex("020000007f0000010000000000000000"));

/** Sockets that are closed when it is disposed of. */
class Sockets implements Disposable {
  readonly #fds: number[] = [];

  open(at: SocketAddress): { fd: number; address: SocketAddress } {
    const fd = openUdp(at);
    this.#fds.push(fd);
    return { fd, address: localAddress(fd) };
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) closeFd(fd);
  }
}

/** Receives all that is there: each call's bytes, cut into datagrams. */
function receiveAll(fd: number, receiver: UdpReceiver): Uint8Array[] {
  const memory = new NativeBuffer(65_536);
  const datagrams: Uint8Array[] = [];
  for (;;) {
    const count = receiver.receive(fd, memory.address, 65_536);
    if (count < 0) {
      assertEquals(errno(), Errno.EAGAIN);
      return datagrams;
    }
    for (let at = 0; at < count; at += receiver.size) {
      datagrams.push(memory.bytes.slice(at, Math.min(at + receiver.size, count)));
    }
  }
}

function memoryOf(bytes: Uint8Array): NativeBuffer {
  const memory = new NativeBuffer(bytes.length);
  memory.bytes.set(bytes);
  return memory;
}

Deno.test("UdpSender cuts what it sends, and UdpReceiver gives the same datagrams", () => {
  using sockets = new Sockets();
  const [from, to] = [sockets.open(LOOPBACK), sockets.open(LOOPBACK)];
  const random = new Random(1);
  const [sender, receiver] = [new UdpSender(), new UdpReceiver()];
  for (const [count, size, last] of [[1, 1472, 1472], [2, 100, 100], [40, 1472, 700], [64, 9, 1]]) {
    const bytes = random.bytes((count! - 1) * size! + last!);
    const { address } = memoryOf(bytes);
    assertEquals(
      sender.send(from.fd, to.address.bytes, undefined, address, bytes.length, size!),
      0,
    );
    const datagrams = receiveAll(to.fd, receiver);
    assertEquals(datagrams.length, count);
    assertEquals(Uint8Array.from(datagrams.flatMap((datagram) => [...datagram])), bytes);
    const source = receiver.name.slice(0, receiver.nameLength);
    assertEquals(String(new SocketAddress(source)), String(from.address));
  }
});

Deno.test("an answer leaves from the address that the question came to", () => {
  using sockets = new Sockets();
  const client = sockets.open(LOOPBACK);
  const server = sockets.open(SocketAddress.any(AF_INET6, 0));
  const { port } = server.address;
  // 127.0.0.2 is this machine as well, though not what the kernel would choose to answer from.
  const to = new SocketAddress(Uint8Array.fromHex("020000007f0000020000000000000000")).withPort(
    port,
  );
  const [sender, receiver] = [new UdpSender(), new UdpReceiver()];
  const bytes = new Random(2).bytes(300);
  const { address } = memoryOf(bytes);
  assertEquals(sender.send(client.fd, to.bytes, undefined, address, 10, 10), 0);
  receiveAll(server.fd, receiver);
  assertEquals(receiver.local, Uint8Array.fromHex("00000000000000000000ffff7f000002"));
  const name = receiver.name.slice(0, receiver.nameLength);
  for (const size of [300, 100]) {
    assertEquals(sender.send(server.fd, name, receiver.local, address, 300, size), 0);
    const heard = new UdpReceiver();
    assertEquals(receiveAll(client.fd, heard).length, 300 / size);
    assertEquals(String(new SocketAddress(heard.name.slice(0, heard.nameLength))), String(to));
  }
  const elsewhere = new Uint8Array(LOCAL_LENGTH).fill(0x20);
  assert(sender.send(server.fd, name, elsewhere, address, 300, 300) !== 0);
});

Deno.test("pathMtu() is that of the interface", () => {
  // The loopback has 65,536, of which an IPv4 packet cannot make use.
  assertEquals(pathMtu(LOOPBACK.withPort(9)), 65_535);
});

Deno.test("openUdp() throws OsError of bind when the port is taken", () => {
  using sockets = new Sockets();
  const { address } = sockets.open(LOOPBACK);
  const error = assertThrows(() => openUdp(address), OsError) as OsError;
  assertEquals([error.call, error.errno], ["bind", Errno.EADDRINUSE]);
});
