import { EPOLLIN, EPOLLOUT } from "../ffi/constants.ts";
import { Errno } from "../ffi/error.ts";
import { errno } from "../ffi/libc.ts";
import { SocketAddress } from "../ffi/socket_address.ts";
import type { Preferred } from "../ffi/socket_filter.ts";
import { LOCAL_LENGTH, UdpReceiver, UdpSender } from "../ffi/udp.ts";
import type { Origin } from "../lib/session/connection.ts";
import { type Counters, DropReason } from "../lib/session/counters.ts";
import type { DatagramSender } from "../lib/session/datagram_door.ts";
import { DatagramPath } from "./datagram_path.ts";
import type { EventLoop, FdHandler } from "./event_loop.ts";
import { FloodFilter } from "./flood_filter.ts";
import { PacketBuffer } from "./packet_buffer.ts";

/** Most bytes that one call gives: one datagram, or several that came as one. */
const LONGEST_READ = 65_536;

/** Calls in one go before other file descriptors get their turn. */
const READS_PER_TURN = 64;

/** Whom the datagrams of a socket are for. */
export interface DatagramSession {
  /** Takes one datagram; the bytes are good until it returns, and so is the sender. */
  receiveDatagram(
    bytes: Uint8Array,
    offset: number,
    length: number,
    sender: DatagramSender,
    now: number,
  ): void;
  /** All that came together was given. */
  settle(): void;
}

/** A UDP socket on a loop, with many paths over it. It is itself the sender of what it receives. */
export class DatagramSocket implements FdHandler, DatagramSender {
  readonly #loop: EventLoop;
  readonly #buffer: PacketBuffer;
  readonly #counters: Counters;
  readonly #fd: number;
  readonly #receiver = new UdpReceiver();
  readonly #sender = new UdpSender();
  #session: DatagramSession | undefined;
  #filter: FloodFilter | undefined;
  /** Whether the kernel cuts datagrams. */
  #segments = true;
  /** Whether the kernel takes nothing just now. */
  #full = false;
  #closed = false;

  /** @param fd of `openUdp()`, the loop's to close from now on */
  constructor(
    loop: EventLoop,
    buffer: PacketBuffer,
    counters: Counters,
    fd: number,
  ) {
    this.#loop = loop;
    this.#buffer = buffer;
    this.#counters = counters;
    this.#fd = fd;
  }

  /**
   * Says whom the datagrams are for; none is read before.
   *
   * @param preferred what comes from no stranger, if strangers are to be kept from flooding the socket
   */
  attach(session: DatagramSession, preferred?: Preferred): void {
    this.#session = session;
    this.#filter = preferred && new FloodFilter(this.#fd, preferred, this.#counters);
    this.#loop.add(this.#fd, EPOLLIN, this);
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return this.#filter?.deadline ?? Infinity;
  }

  advance(now: number): void {
    this.#filter?.update(now);
  }

  /** Whether the kernel takes more. */
  get hasRoom(): boolean {
    return !this.#full;
  }

  /** @see {FdHandler} */
  ready(events: number): void {
    if (events & EPOLLOUT) this.#watchRoom(false);
    if (events & ~EPOLLOUT) this.#read();
    this.advance(this.#loop.now);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#loop.close(this.#fd);
  }

  /** @see {DatagramSender} */
  get address(): Uint8Array {
    return this.#receiver.name.subarray(0, this.#receiver.nameLength);
  }

  /** @see {DatagramSender} */
  hashNetwork(seed: number): number {
    return SocketAddress.hashNetwork(this.address, seed);
  }

  /** @see {DatagramSender} */
  origin(): Origin {
    const { host, network } = new SocketAddress(this.address);
    return { host, network };
  }

  /** @see {DatagramSender} */
  transport(): DatagramPath {
    const path = new DatagramPath(this, new SocketAddress(this.address.slice()));
    path.follow();
    return path;
  }

  /** A way to an address that nothing has come from yet; closing it closes the socket. */
  pathTo(address: SocketAddress): DatagramPath {
    return new DatagramPath(this, address, () => this.close());
  }

  // What follows is for the paths.

  /** Whether the datagram that is being received came from this address, to this one. */
  isFrom(name: Uint8Array, local: Uint8Array): boolean {
    const { receiver } = this;
    if (name.length !== receiver.nameLength) return false;
    for (let i = 0; i < name.length; i++) if (name[i] !== receiver.name[i]) return false;
    for (let i = 0; i < LOCAL_LENGTH; i++) if (local[i] !== receiver.local[i]) return false;
    return true;
  }

  get receiver(): UdpReceiver {
    return this.#receiver;
  }

  send(
    name: Uint8Array,
    local: Uint8Array | undefined,
    bytes: Uint8Array,
    offset: number,
    length: number,
    size: number,
  ): void {
    if (this.#closed) return;
    const address = this.#buffer.addressOf(bytes, offset, length);
    if (length <= size || !this.#segments) {
      this.#sendEach(name, local, address, length, size);
      return;
    }
    const error = this.#sender.send(this.#fd, name, local, address, length, size);
    if (error === Errno.EIO || error === Errno.EINVAL) {
      // Old kernels cannot cut, and some interfaces not either. Then each goes by itself.
      this.#segments = !this.#sendEach(name, local, address, length, size);
    } else if (error !== 0) {
      this.#failed(error, Math.ceil(length / size));
    }
  }

  /** Returns whether the kernel took them all. */
  #sendEach(
    name: Uint8Array,
    local: Uint8Array | undefined,
    address: number,
    length: number,
    size: number,
  ): boolean {
    let done = true;
    for (let at = 0; at < length; at += size) {
      const count = Math.min(size, length - at);
      const error = this.#sender.send(this.#fd, name, local, address + at, count, count);
      if (error === 0) continue;
      this.#failed(error, 1);
      done = false;
    }
    return done;
  }

  /** What is lost is lost: whoever must have it sent again does that. */
  #failed(error: number, count: number): void {
    if (error === Errno.EAGAIN) this.#watchRoom(true);
    const reason = error === Errno.EMSGSIZE ? DropReason.TooLong : DropReason.OutboxFull;
    for (let i = 0; i < count; i++) this.#counters.drop(reason);
  }

  #watchRoom(full: boolean): void {
    if (this.#full === full) return;
    this.#full = full;
    this.#loop.modify(this.#fd, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  #read(): void {
    const { bytes } = this.#buffer;
    const end = PacketBuffer.STREAM + PacketBuffer.STREAM_LENGTH;
    let at = PacketBuffer.STREAM;
    for (let i = 0; i < READS_PER_TURN && !this.#closed; i++) {
      const address = this.#buffer.addressOf(bytes, at, LONGEST_READ);
      const count = this.#receiver.receive(this.#fd, address, LONGEST_READ);
      // An error that an earlier datagram met is told here, and is of no interest.
      if (count < 0 && errno() === Errno.EAGAIN) break;
      if (count > 0) this.#received(bytes, at, count);
      // What comes next is put behind it, so that segments of a stream can be joined over several reads.
      at += Math.max(count, 0);
      if (at + LONGEST_READ <= end) continue;
      this.#session!.settle();
      at = PacketBuffer.STREAM;
    }
    if (at > PacketBuffer.STREAM) this.#session!.settle();
  }

  #received(bytes: Uint8Array, offset: number, count: number): void {
    const { size } = this.#receiver;
    const { now } = this.#loop;
    for (let at = 0; at < count; at += size) {
      const length = Math.min(size, count - at);
      this.#session!.receiveDatagram(bytes, offset + at, length, this, now);
    }
  }
}
