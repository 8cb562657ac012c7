import { IOVEC, MSGHDR } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer, writeUint64 } from "./native_buffer.ts";

/**
 * A place in memory to read to or write from, as one struct iovec (readv(2)). The calls return what
 * the C library's do: a count of bytes, or -1 with `errno()` set.
 *
 * The hot path reads and writes this way, since an address is dear as a call's parameter and cheap in
 * memory (libc.ts).
 */
export class IoVector {
  readonly #vector = new NativeBuffer(IOVEC.size);
  readonly #message = new NativeBuffer(MSGHDR.size);

  constructor() {
    const { view } = this.#message;
    writeUint64(view, MSGHDR.msg_iov, this.#vector.address);
    writeUint64(view, MSGHDR.msg_iovlen, 1);
  }

  /** Points to `length` bytes at `address`, which are the caller's. */
  set(address: number, length: number): void {
    writeUint64(this.#vector.view, IOVEC.iov_base, address);
    writeUint64(this.#vector.view, IOVEC.iov_len, length);
  }

  read(fd: number): number {
    return libc.readv(fd, this.#vector.bytes, 1);
  }

  write(fd: number): number {
    return libc.writev(fd, this.#vector.bytes, 1);
  }

  /** @param flags of send(2), such as MSG_NOSIGNAL */
  send(fd: number, flags: number): number {
    return libc.sendmsg(fd, this.#message.bytes, flags);
  }
}
