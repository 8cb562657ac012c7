import { EPOLLIN } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { errno, libc } from "../ffi/libc.ts";
import { isTunGone } from "../ffi/tun.ts";
import { type Counters, DropReason, Way } from "../lib/session/counters.ts";
import type { EventLoop, FdHandler } from "./event_loop.ts";
import { PacketBuffer } from "./packet_buffer.ts";

/** Packets read in one go before other file descriptors get their turn. */
const PACKETS_PER_TURN = 64;

/** Takes a packet that the TUN device gave; the bytes are good until it returns. */
export type TunReceiver = (bytes: Uint8Array, offset: number, length: number) => void;

/** A TUN device on a loop. */
export class TunPort implements FdHandler {
  readonly #fd: number;
  readonly #buffer: PacketBuffer;
  readonly #counters: Counters;
  readonly #receive: TunReceiver;

  /** @param fd a non-blocking TUN device, the loop's to close from now on */
  constructor(
    loop: EventLoop,
    fd: number,
    buffer: PacketBuffer,
    counters: Counters,
    receive: TunReceiver,
  ) {
    this.#fd = fd;
    this.#buffer = buffer;
    this.#counters = counters;
    this.#receive = receive;
    loop.add(fd, EPOLLIN, this);
  }

  /** Reads what is there. @throws {OsError} if the device is gone */
  ready(): void {
    const { bytes } = this.#buffer;
    const address = this.#buffer.addressOf(bytes, PacketBuffer.TUN, PacketBuffer.TUN_LENGTH);
    for (let i = 0; i < PACKETS_PER_TURN; i++) {
      const length = libc.read(this.#fd, address, PacketBuffer.TUN_LENGTH);
      if (length < 0) return this.#readFailed(errno());
      this.#receive(bytes, PacketBuffer.TUN, length);
    }
  }

  /** Hands one packet to the kernel. @throws {OsError} if the device is gone */
  write(bytes: Uint8Array, offset: number, length: number): void {
    const address = this.#buffer.addressOf(bytes, offset, length);
    if (libc.write(this.#fd, address, length) === length) this.#counters.pass(Way.ToTun, length);
    else this.#writeFailed(errno());
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
