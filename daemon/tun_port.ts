import { EPOLLIN } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { IoVector } from "../ffi/io_vector.ts";
import { errno } from "../ffi/libc.ts";
import { isTunGone, type TunDevice } from "../ffi/tun.ts";
import { type Offload, WHOLE } from "../lib/packet/offload.ts";
import {
  UNREADABLE,
  VIRTIO_NET_HEADER_LENGTH,
  VirtioNetHeader,
} from "../lib/packet/virtio_net_header.ts";
import { type Counters, DropReason, Way } from "../lib/session/counters.ts";
import type { EventLoop, FdHandler } from "./event_loop.ts";
import { PacketBuffer } from "./packet_buffer.ts";

/** Packets read in one go before other file descriptors get their turn. */
const PACKETS_PER_TURN = 64;

/** Takes a packet that the TUN device gave; the bytes are good until it returns. */
export type TunReceiver = (
  bytes: Uint8Array,
  offset: number,
  length: number,
  offload: Offload,
) => void;

/** A TUN device on a loop. */
export class TunPort implements FdHandler {
  readonly #fd: number;
  readonly #buffer: PacketBuffer;
  readonly #counters: Counters;
  readonly #receive: TunReceiver;
  readonly #loop: EventLoop;
  readonly #mayRead: () => boolean;
  #paused = false;
  readonly #header = new VirtioNetHeader();
  /** Bytes of the header before each packet: none on a device without offload. */
  readonly #headerLength: number;
  readonly #reading = new IoVector();
  readonly #writing = new IoVector();

  /**
   * @param tun a non-blocking TUN device, the loop's to close from now on
   * @param mayRead whether there is room for what would be read; if not, reading pauses, the kernel
   *   keeps what it has, and those who send it notice: `resume()` is to be called now and then
   */
  constructor(
    loop: EventLoop,
    tun: Pick<TunDevice, "fd" | "offload">,
    buffer: PacketBuffer,
    counters: Counters,
    receive: TunReceiver,
    mayRead: () => boolean,
  ) {
    this.#fd = tun.fd;
    this.#headerLength = tun.offload === "none" ? 0 : VIRTIO_NET_HEADER_LENGTH;
    this.#buffer = buffer;
    this.#counters = counters;
    this.#receive = receive;
    this.#loop = loop;
    this.#mayRead = mayRead;
    const size = this.#headerLength + PacketBuffer.TUN_LENGTH;
    const start = PacketBuffer.TUN - this.#headerLength;
    this.#reading.set(buffer.addressOf(buffer.bytes, start, size), size);
    loop.add(tun.fd, EPOLLIN, this);
  }

  /** Reads what is there. @throws {OsError} if the device is gone */
  ready(): void {
    for (let i = 0; i < PACKETS_PER_TURN; i++) {
      const count = this.#reading.read(this.#fd);
      if (count < 0) return this.#readFailed(errno());
      this.#received(count - this.#headerLength);
      if (!this.#mayRead()) return this.#pause();
    }
  }

  /** Goes on reading, if it was paused and may read again. */
  resume(): void {
    if (!this.#paused || !this.#mayRead()) return;
    this.#paused = false;
    this.#loop.modify(this.#fd, EPOLLIN);
  }

  #pause(): void {
    this.#paused = true;
    this.#loop.modify(this.#fd, 0);
  }

  /**
   * Hands one packet to the kernel. The VIRTIO_NET_HEADER_LENGTH bytes in front of it are overwritten.
   *
   * @throws {OsError} if the device is gone
   */
  write(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    if (this.#headerLength > 0 && !this.#header.write(bytes, offset, length, offload)) {
      return this.#counters.drop(DropReason.Malformed);
    }
    const size = this.#headerLength + length;
    this.#writing.set(this.#buffer.addressOf(bytes, offset - this.#headerLength, size), size);
    if (this.#writing.write(this.#fd) === size) this.#counters.pass(Way.ToTun, length);
    else this.#writeFailed(errno());
  }

  #received(length: number): void {
    const { bytes } = this.#buffer;
    const offload = this.#headerLength === 0
      ? WHOLE
      : this.#header.read(bytes, PacketBuffer.TUN, length);
    if (offload !== UNREADABLE) this.#receive(bytes, PacketBuffer.TUN, length, offload);
    else this.#counters.drop(DropReason.Unsupported);
  }

  #readFailed(number: number): void {
    if (number !== Errno.EAGAIN && number !== Errno.EINTR) throw new OsError("read", number);
  }

  #writeFailed(number: number): void {
    const error = new OsError("write", number);
    if (isTunGone(error)) throw error;
    this.#counters.drop(DropReason.TunRefused);
  }
}
