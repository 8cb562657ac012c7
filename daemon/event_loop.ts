import { EPOLLIN } from "../ffi/constants.ts";
import { Epoll } from "../ffi/epoll.ts";
import { clearEventFd } from "../ffi/eventfd.ts";
import { closeFd } from "../ffi/fd.ts";
import { bootTime, createTimerFd, setTimerFd } from "../ffi/timer.ts";

/** Takes the events of one file descriptor. */
export interface FdHandler {
  /** @param events bits such as EPOLLIN */
  ready(events: number): void;
}

/** What a loop drives besides file descriptors. */
export interface Timed {
  /** When `advance()` has something to do at the earliest; Infinity if never. */
  readonly deadline: number;
  advance(now: number): void;
  /** Called when all events at hand are dealt with, before the loop waits for others. */
  endTurn(): void;
}

const EVENTS_PER_WAIT = 256;

/**
 * The one loop of a packet worker: blocks until a file descriptor is ready or a deadline has come,
 * and calls whoever waits for that. Everything runs in the calling thread.
 */
export class EventLoop {
  readonly #epoll = new Epoll(EVENTS_PER_WAIT);
  readonly #timer = createTimerFd();
  /** By file descriptor, which the kernel keeps small. */
  readonly #handlers: (FdHandler | undefined)[] = [];
  readonly #closing: number[] = [];
  #armed = Infinity;
  #now = bootTime();
  #stopped = false;

  constructor() {
    this.add(this.#timer, EPOLLIN, {
      ready: () => {
        clearEventFd(this.#timer);
        this.#armed = Infinity;
      },
    });
  }

  /** Milliseconds since boot when the events at hand were told. */
  get now(): number {
    return this.#now;
  }

  /** Watches a file descriptor, which is the loop's to close from now on. @throws {OsError} */
  add(fd: number, events: number, handler: FdHandler): void {
    this.#epoll.add(fd, events);
    this.#handlers[fd] = handler;
  }

  /** Changes which events of `fd` are told. @throws {OsError} */
  modify(fd: number, events: number): void {
    this.#epoll.modify(fd, events);
  }

  /** Stops watching a file descriptor, which is the caller's again. @throws {OsError} */
  forget(fd: number): void {
    this.#epoll.delete(fd);
    this.#handlers[fd] = undefined;
  }

  /**
   * Stops watching a file descriptor and closes it, after the events at hand: until then the kernel
   * cannot give its number to another one, which events of this one might then be told to.
   */
  close(fd: number): void {
    this.forget(fd);
    this.#closing.push(fd);
  }

  /** Runs until `stop()` is called, then closes every file descriptor. @throws {OsError} */
  run(timed: Timed): void {
    try {
      while (!this.#stopped) this.#step(timed);
    } finally {
      this.#handlers.forEach((handler, fd) => handler && closeFd(fd));
      this.#epoll.close();
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #step(timed: Timed): void {
    this.#arm(timed.deadline);
    const count = this.#epoll.wait(-1);
    this.#now = bootTime();
    for (let i = 0; i < count; i++) {
      this.#handlers[this.#epoll.fd(i)]?.ready(this.#epoll.events(i));
    }
    if (this.#now >= timed.deadline) timed.advance(this.#now);
    timed.endTurn();
    if (this.#closing.length > 0) this.#closeAll();
  }

  /** A deadline that moved away is left armed: waking once too early is cheaper than each move. */
  #arm(deadline: number): void {
    if (deadline >= this.#armed) return;
    setTimerFd(this.#timer, deadline);
    this.#armed = deadline;
  }

  #closeAll(): void {
    for (const fd of this.#closing) closeFd(fd);
    this.#closing.length = 0;
  }
}
