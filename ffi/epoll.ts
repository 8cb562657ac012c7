import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD } from "./constants.ts";
import { check, Errno } from "./error.ts";
import { closeFd } from "./fd.ts";
import { epollEventLayout } from "./layout.ts";
import { errno, libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";

const LAYOUT = epollEventLayout(Deno.build.arch);

/** An epoll instance (epoll(7)), level-triggered. Each event tells the file descriptor it is for. */
export class Epoll {
  readonly #fd: number;
  readonly #change = new NativeBuffer(LAYOUT.size);
  readonly #events: NativeBuffer;
  readonly #capacity: number;

  /**
   * @param capacity how many events one `wait()` gives at the most
   * @throws {OsError}
   */
  constructor(capacity: number) {
    this.#fd = check("epoll_create1", libc.epoll_create1(EPOLL_CLOEXEC));
    this.#events = new NativeBuffer(capacity * LAYOUT.size);
    this.#capacity = capacity;
  }

  /** Begins to watch `fd`. @throws {OsError} */
  add(fd: number, events: number): void {
    this.#control(EPOLL_CTL_ADD, fd, events);
  }

  /** Changes what `fd` is watched for. @throws {OsError} */
  modify(fd: number, events: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events);
  }

  /** Ends watching `fd`. @throws {OsError} */
  delete(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, 0);
  }

  /**
   * Blocks until something happens or `timeout` milliseconds (-1: for ever) have passed. Returns how
   * many events there are, for `fd()` and `events()` to tell.
   *
   * @throws {OsError}
   */
  wait(timeout: number): number {
    const count = libc.epoll_wait(this.#fd, this.#events.bytes, this.#capacity, timeout);
    return count < 0 && errno() === Errno.EINTR ? 0 : check("epoll_wait", count);
  }

  /** The file descriptor of event `i` of the last `wait()`. */
  fd(i: number): number {
    return this.#events.view.getInt32(i * LAYOUT.size + LAYOUT.data, true);
  }

  /** The bits of event `i` of the last `wait()`. */
  events(i: number): number {
    return this.#events.view.getInt32(i * LAYOUT.size + LAYOUT.events, true);
  }

  close(): void {
    closeFd(this.#fd);
  }

  #control(operation: number, fd: number, events: number): void {
    this.#change.view.setUint32(LAYOUT.events, events, true);
    this.#change.view.setInt32(LAYOUT.data, fd, true);
    check("epoll_ctl", libc.epoll_ctl(this.#fd, operation, fd, this.#change.address));
  }
}
