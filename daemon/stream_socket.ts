import { EPOLLIN, EPOLLOUT, MSG_NOSIGNAL } from "../ffi/constants.ts";
import { describeErrno, Errno } from "../ffi/error.ts";
import { IoVector } from "../ffi/io_vector.ts";
import { errno } from "../ffi/libc.ts";
import { limitUnsent, localAddress, resetOnClose, tcpInfo } from "../ffi/socket.ts";
import type { SocketAddress } from "../ffi/socket_address.ts";
import { QueueLimit } from "../lib/session/queue_limit.ts";
import type { StreamQuality, StreamTransport } from "../lib/session/transport.ts";
import type { EventLoop, FdHandler } from "./event_loop.ts";
import type { NativeOutbox, OutboxPool } from "./outbox_pool.ts";
import { PacketBuffer } from "./packet_buffer.ts";

/** The session behind a connection. */
export interface StreamSession {
  /** Takes what came; returns how many bytes are done with. The rest is given again with more. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number;
  /** The connection ended, not by `Transport.close()`: `orderly` if the other end closed it. */
  disconnected(reason: string, now: number, orderly: boolean): void;
}

/** What a loop's connections share. */
export interface StreamContext {
  readonly loop: EventLoop;
  readonly buffer: PacketBuffer;
  readonly outboxes: OutboxPool;
}

/** For one call at a time. */
const vector = new IoVector();

const NOTHING = new Uint8Array(0);

/** A connected TCP socket on a loop, carrying units of bytes for a session. */
export class StreamSocket implements StreamTransport, FdHandler {
  readonly #context: StreamContext;
  readonly #fd: number;
  readonly #remote: SocketAddress;
  #session: StreamSession | undefined;
  /** The beginning of a unit whose end has not come. */
  #rest: Uint8Array = NOTHING;
  #restLength = 0;
  /** What waits until the kernel takes more; there only while something waits. */
  #outbox: NativeOutbox | undefined;
  readonly #limit = new QueueLimit();
  #closed = false;

  /**
   * @param fd a non-blocking socket that is not on the loop yet, the loop's to close from now on
   * @param remote what it is connected to
   */
  constructor(context: StreamContext, fd: number, remote: SocketAddress) {
    this.#context = context;
    this.#fd = fd;
    this.#remote = remote;
    context.loop.add(fd, EPOLLIN, this);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The address of its own end. @throws {OsError} */
  get localAddress(): SocketAddress {
    return localAddress(this.#fd);
  }

  /** Ends the connection as if it had broken. */
  break(reason: string): void {
    if (!this.#closed) this.#ended(reason, false);
  }

  /** Says whom the bytes are for; before the loop goes on. */
  attach(session: StreamSession): void {
    this.#session = session;
  }

  /** @see {FdHandler} */
  ready(events: number): void {
    if (events & EPOLLOUT) this.#flush();
    if (events & ~EPOLLOUT) this.#read();
  }

  /** @see {Transport} */
  get remote(): string {
    return this.#remote.toString();
  }

  /** @see {Transport} */
  get roundTrip(): number | undefined {
    return this.#closed ? undefined : tcpInfo(this.#fd).roundTrip / 1000;
  }

  /** @see {Transport} */
  send(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#closed) return true;
    if (this.#outbox !== undefined) return this.#enqueue(bytes, offset, length);
    const address = this.#context.buffer.addressOf(bytes, offset, length);
    const sent = this.#sendNow(address, length);
    if (sent === length) return true;
    this.#takeOutbox(sent > 0 ? length - sent : undefined);
    return this.#enqueue(bytes, offset + sent, length - sent);
  }

  /** @see {Transport} */
  hasRoom(length: number): boolean {
    return this.#outbox === undefined
      ? this.#context.outboxes.hasOne
      : this.#outbox.queue.size + length <= this.#limit.bytes;
  }

  /** @see {StreamTransport} */
  get unitLimit(): number {
    return this.#limit.bytes;
  }

  /** @see {StreamTransport} */
  quality(): StreamQuality {
    const { segments, repeats, acknowledged, unacknowledged, unsent } = tcpInfo(this.#fd);
    const isBacklogged = unsent > 0 || this.#outbox !== undefined;
    const isPending = unacknowledged > 0 || isBacklogged;
    const changed = this.#limit.sampled(acknowledged, isBacklogged, this.#context.loop.now);
    if (changed) limitUnsent(this.#fd, this.#limit.bytes);
    return { segments, repeats, acknowledged, isPending };
  }

  /** @see {Transport} */
  mute(): void {
    if (!this.#closed) this.#context.loop.modify(this.#fd, 0);
  }

  /** @see {Transport} */
  abort(): void {
    if (!this.#closed) resetOnClose(this.#fd);
    this.close();
  }

  /** @see {Transport} */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#releaseOutbox();
    this.#rest = NOTHING;
    this.#context.loop.close(this.#fd);
  }

  /**
   * Sends what the kernel takes and returns how much that was. A broken connection takes everything
   * for the last time: epoll tells of the break, in its own turn.
   */
  #sendNow(address: number, length: number): number {
    vector.set(address, length);
    const sent = vector.send(this.#fd, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    const number = errno();
    return number === Errno.EAGAIN || number === Errno.EINTR ? 0 : length;
  }

  /** @param begun bytes that must find room, since the beginning of their unit has left */
  #takeOutbox(begun: number | undefined): void {
    this.#outbox = this.#context.outboxes.take(begun);
    if (this.#outbox === undefined) return;
    this.#limit.begin(this.#context.loop.now);
    this.#context.loop.modify(this.#fd, EPOLLIN | EPOLLOUT);
  }

  /** Returns false if there is no room. */
  #enqueue(bytes: Uint8Array, offset: number, length: number): boolean {
    return this.#outbox?.queue.push(bytes, offset, length) ?? false;
  }

  #flush(): void {
    const outbox = this.#outbox;
    if (outbox === undefined) return;
    const { queue, address } = outbox;
    while (!queue.isEmpty) {
      const length = queue.length;
      const sent = this.#sendNow(address + queue.offset, length);
      queue.shift(sent);
      // The kernel's own queue, which nothing can be dropped from, is to be no longer than this one.
      const changed = this.#limit.took(sent, this.#context.loop.now);
      if (changed) limitUnsent(this.#fd, this.#limit.bytes);
      if (sent < length) return;
    }
    this.#limit.end();
    this.#releaseOutbox();
    this.#context.loop.modify(this.#fd, EPOLLIN);
  }

  #releaseOutbox(): void {
    if (this.#outbox !== undefined) this.#context.outboxes.give(this.#outbox);
    this.#outbox = undefined;
  }

  #read(): void {
    const { buffer } = this.#context;
    const at = PacketBuffer.STREAM + this.#restLength;
    const size = PacketBuffer.STREAM_LENGTH;
    vector.set(buffer.addressOf(buffer.bytes, at, size), size);
    const count = vector.read(this.#fd);
    if (count > 0) this.#received(count);
    else if (count === 0) this.#ended("the connection was closed", true);
    else this.#readFailed(errno());
  }

  #received(count: number): void {
    const { bytes } = this.#context.buffer;
    if (this.#restLength > 0) {
      bytes.set(this.#rest.subarray(0, this.#restLength), PacketBuffer.STREAM);
    }
    const length = this.#restLength + count;
    const done = this.#session!.receive(bytes, PacketBuffer.STREAM, length, this.#context.loop.now);
    if (!this.#closed) this.#keep(PacketBuffer.STREAM + done, length - done);
  }

  #keep(offset: number, length: number): void {
    this.#restLength = length;
    if (length === 0) return;
    if (this.#rest.length < length) this.#rest = new Uint8Array(roundUp(length));
    this.#rest.set(this.#context.buffer.bytes.subarray(offset, offset + length));
  }

  #readFailed(number: number): void {
    if (number === Errno.EAGAIN || number === Errno.EINTR) return;
    this.#ended(`the connection broke: ${describeErrno(number)}`, false);
  }

  #ended(reason: string, orderly: boolean): void {
    this.close();
    this.#session!.disconnected(reason, this.#context.loop.now, orderly);
  }
}

/** The next power of two, at least 2 KiB, so that a buffer seldom has to grow. */
function roundUp(length: number): number {
  return Math.max(2048, 2 ** Math.ceil(Math.log2(length)));
}
