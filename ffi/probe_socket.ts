import { EPOLLIN, EPOLLOUT, MSG_NOSIGNAL } from "./constants.ts";
import { check, Errno } from "./error.ts";
import { Epoll } from "./epoll.ts";
import { closeFd } from "./fd.ts";
import { errno, libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";
import { connectTcp, socketError } from "./socket.ts";
import { SocketAddress } from "./socket_address.ts";
import { openUdp } from "./udp.ts";

/** Longer than any datagram, or piece of a stream, that is waited for. */
const BUFFER_LENGTH = 64 * 1024;

/** Milliseconds between two looks. */
const LOOK_INTERVAL = 5;

/**
 * A connected socket for a question and its answer, from the main thread, whose event loop goes on. Where
 * many packets go, sockets are a packet worker's.
 */
export class ProbeSocket implements Disposable {
  readonly #fd: number;
  readonly #epoll = new Epoll(1);
  readonly #buffer = new NativeBuffer(BUFFER_LENGTH);

  private constructor(fd: number) {
    this.#fd = fd;
    this.#epoll.add(fd, EPOLLIN);
  }

  /** Begins a TCP connection, about which `connected()` tells more. @throws {OsError} if it fails at once */
  static tcp(to: SocketAddress): ProbeSocket {
    return new ProbeSocket(connectTcp(to));
  }

  /** A UDP socket that sends to, and hears, one address alone. @throws {OsError} if there is no way there */
  static udp(to: SocketAddress): ProbeSocket {
    const fd = openUdp(SocketAddress.any(to.family, 0));
    const name = new NativeBuffer(to.bytes.length);
    name.bytes.set(to.bytes);
    const result = libc.connect(fd, name.address, to.bytes.length);
    try {
      check("connect", result);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
    return new ProbeSocket(fd);
  }

  /** Waits until a TCP connection is made: 0, the error number, or ETIMEDOUT when the time is over. */
  async connected(milliseconds: number): Promise<number> {
    this.#epoll.modify(this.#fd, EPOLLOUT);
    const ready = await this.#wait(milliseconds);
    this.#epoll.modify(this.#fd, EPOLLIN);
    return ready ? socketError(this.#fd) : Errno.ETIMEDOUT;
  }

  /** Sends. Returns 0, or the error number; that of an ICMP message counts as well. */
  send(bytes: Uint8Array): number {
    this.#buffer.bytes.set(bytes);
    const sent = libc.send(this.#fd, this.#buffer.address, bytes.length, MSG_NOSIGNAL);
    return sent < 0 ? errno() : 0;
  }

  /**
   * Waits for a datagram, or for more of a stream: a copy of the bytes, none of which mean that a stream
   * has ended. Else the error number: ETIMEDOUT when the time is over.
   */
  async receive(milliseconds: number): Promise<Uint8Array<ArrayBuffer> | number> {
    if (!await this.#wait(milliseconds)) return Errno.ETIMEDOUT;
    const count = libc.recv(this.#fd, this.#buffer.address, BUFFER_LENGTH, 0);
    return count < 0 ? errno() : this.#buffer.bytes.slice(0, count);
  }

  [Symbol.dispose](): void {
    this.#epoll.close();
    closeFd(this.#fd);
  }

  async #wait(milliseconds: number): Promise<boolean> {
    for (const end = performance.now() + milliseconds;;) {
      if (this.#epoll.wait(0) > 0) return true;
      if (performance.now() >= end) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
    }
  }
}
