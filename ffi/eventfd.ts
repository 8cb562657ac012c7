import { EFD_CLOEXEC, EFD_NONBLOCK } from "./constants.ts";
import { check } from "./error.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";

const COUNTER_LENGTH = 8;

/** Makes an eventfd (eventfd(2)), non-blocking. The caller closes it. @throws {OsError} */
export function createEventFd(): number {
  return check("eventfd", libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

const one = new NativeBuffer(COUNTER_LENGTH);
one.view.setBigUint64(0, 1n, true);

const taken = new NativeBuffer(COUNTER_LENGTH);

/** Makes an eventfd readable: wakes whoever waits for it. */
export function notifyEventFd(fd: number): void {
  // The one failure is a counter about to overflow: then it is readable already.
  libc.write(fd, one.address, COUNTER_LENGTH);
}

/** Makes an eventfd or a timerfd unreadable again. */
export function clearEventFd(fd: number): void {
  libc.read(fd, taken.address, COUNTER_LENGTH);
}
