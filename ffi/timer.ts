import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
  TFD_TIMER_CANCEL_ON_SET,
} from "./constants.ts";
import { check } from "./error.ts";
import { ITIMERSPEC, TIMESPEC } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";

const clock = new NativeBuffer(TIMESPEC.size);
const setting = new NativeBuffer(ITIMERSPEC.size);

/** So far in the future that it never comes, in seconds since 1970. */
const NEVER = 2 ** 33;

/** Milliseconds since boot, time asleep included. */
export function bootTime(): number {
  return readClock(CLOCK_BOOTTIME);
}

/** Milliseconds since boot, without time asleep: the clock that systemd goes by. */
export function monotonicTime(): number {
  return readClock(CLOCK_MONOTONIC);
}

function readClock(id: number): number {
  libc.clock_gettime(id, clock.bytes);
  // Both fields stay far below 2^53, and reading them as two halves keeps BigInts off the heap.
  return readInt64(clock.view, TIMESPEC.tv_sec) * 1e3 +
    readInt64(clock.view, TIMESPEC.tv_nsec) / 1e6;
}

/** Makes a timer of the clock that `bootTime()` reads (timerfd_create(2)). @throws {OsError} */
export function createTimerFd(): number {
  return check("timerfd_create", libc.timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
}

/**
 * Makes a timer readable at `time` in milliseconds since boot, at once if that is past, or never if
 * it is Infinity. What was set before is forgotten.
 *
 * @throws {OsError}
 */
export function setTimerFd(fd: number, time: number): void {
  // All zeros would disarm it, so a time that is past becomes the first nanosecond after boot.
  const finite = time === Infinity ? 0 : Math.max(time, 1e-6);
  const seconds = Math.floor(finite / 1e3);
  const nanoseconds = Math.ceil((finite - seconds * 1e3) * 1e6);
  writeInt64(setting.view, ITIMERSPEC.it_value + TIMESPEC.tv_sec, seconds);
  writeInt64(
    setting.view,
    ITIMERSPEC.it_value + TIMESPEC.tv_nsec,
    Math.min(nanoseconds, 999999999),
  );
  check("timerfd_settime", libc.timerfd_settime(fd, TFD_TIMER_ABSTIME, setting.address, 0));
}

/**
 * Makes a timer that `armWakeFd()` makes readable when the machine has slept or its clock was set: what
 * systemd and others rely on for that (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). @throws {OsError}
 */
export function createWakeFd(): number {
  const fd = check(
    "timerfd_create",
    libc.timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK),
  );
  armWakeFd(fd);
  return fd;
}

/** Makes it unreadable until the next time. @throws {OsError} */
export function armWakeFd(fd: number): void {
  writeInt64(setting.view, ITIMERSPEC.it_value + TIMESPEC.tv_sec, NEVER);
  writeInt64(setting.view, ITIMERSPEC.it_value + TIMESPEC.tv_nsec, 0);
  const flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  check("timerfd_settime", libc.timerfd_settime(fd, flags, setting.address, 0));
}

function readInt64(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}

function writeInt64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 2 ** 32, true);
  view.setUint32(offset + 4, value / 2 ** 32, true);
}
