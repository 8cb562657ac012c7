import { MSG_DONTWAIT, MSG_TRUNC } from "./constants.ts";
import { IOVEC, MMSGHDR, MSGHDR } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer, writeUint64 } from "./native_buffer.ts";

/**
 * Slots for messages of up to `slotLength` bytes each, of which neighbours are received and sent by
 * one call (recvmmsg(2), sendmmsg(2)). The calls return what the C library's do: how many messages,
 * or -1 with `errno()` set.
 */
export class MessageSlots {
  readonly #slotLength: number;
  readonly #headers: NativeBuffer;
  readonly #vectors: NativeBuffer;
  /** Held for as long as the headers point there. */
  readonly #memory: NativeBuffer;

  constructor(slots: number, slotLength: number) {
    this.#slotLength = slotLength;
    this.#headers = new NativeBuffer(slots * MMSGHDR.size);
    this.#vectors = new NativeBuffer(slots * IOVEC.size);
    this.#memory = new NativeBuffer(slots * slotLength);
    for (let slot = 0; slot < slots; slot++) this.#connect(slot);
  }

  /** Receives what is there, without waiting, into up to `count` slots from `first` on. */
  receive(fd: number, first: number, count: number): number {
    for (let slot = first; slot < first + count; slot++) this.#setLength(slot, this.#slotLength);
    const address = this.#headers.address + first * MMSGHDR.size;
    const received = libc.recvmmsg(fd, address, count, MSG_DONTWAIT | MSG_TRUNC, 0);
    for (let slot = first; slot < first + received; slot++) {
      this.#setLength(slot, this.length(slot));
    }
    return received;
  }

  /** Sends `count` slots from `first` on, up to the first that fails. */
  send(fd: number, first: number, count: number): number {
    return libc.sendmmsg(fd, this.#headers.address + first * MMSGHDR.size, count, 0);
  }

  /** Bytes of the message that was received into a slot, also of one that did not fit. */
  length(slot: number): number {
    return this.#headers.view.getUint32(slot * MMSGHDR.size + MMSGHDR.msg_len, true);
  }

  #connect(slot: number): void {
    const vector = slot * IOVEC.size;
    const header = slot * MMSGHDR.size + MMSGHDR.msg_hdr;
    const memory = this.#memory.address + slot * this.#slotLength;
    writeUint64(this.#vectors.view, vector + IOVEC.iov_base, memory);
    writeUint64(this.#headers.view, header + MSGHDR.msg_iov, this.#vectors.address + vector);
    writeUint64(this.#headers.view, header + MSGHDR.msg_iovlen, 1);
  }

  #setLength(slot: number, length: number): void {
    writeUint64(this.#vectors.view, slot * IOVEC.size + IOVEC.iov_len, length);
  }
}
