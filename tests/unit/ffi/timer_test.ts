import { EPOLLIN } from "../../../ffi/constants.ts";
import { assert, assertEquals } from "@std/assert";
import { Epoll } from "../../../ffi/epoll.ts";
import { clearEventFd } from "../../../ffi/eventfd.ts";
import { closeFd } from "../../../ffi/fd.ts";
import { ITIMERSPEC, TIMESPEC } from "../../../ffi/layout.ts";
import { libc } from "../../../ffi/libc.ts";
import { NativeBuffer } from "../../../ffi/native_buffer.ts";
import {
  armWakeFd,
  bootTime,
  createTimerFd,
  createWakeFd,
  monotonicTime,
  setTimerFd,
} from "../../../ffi/timer.ts";

const PATIENCE = 10_000;

/** Runs a test with a timer that an epoll instance watches. */
function withTimer(test: (timer: number, wait: (timeout: number) => number) => void): void {
  const epoll = new Epoll(1);
  const timer = createTimerFd();
  try {
    epoll.add(timer, EPOLLIN);
    test(timer, (timeout) => epoll.wait(timeout));
  } finally {
    closeFd(timer);
    epoll.close();
  }
}

/** Milliseconds until the kernel fires a timer; 0 if it is not set. */
function remaining(timer: number): number {
  const setting = new NativeBuffer(ITIMERSPEC.size);
  libc.timerfd_gettime(timer, setting.address);
  const seconds = setting.view.getBigInt64(ITIMERSPEC.it_value + TIMESPEC.tv_sec, true);
  const nanoseconds = setting.view.getBigInt64(ITIMERSPEC.it_value + TIMESPEC.tv_nsec, true);
  return Number(seconds) * 1e3 + Number(nanoseconds) / 1e6;
}

Deno.test("bootTime() runs as fast as another monotonic clock", () => {
  withTimer((_, wait) => {
    const [outerBegin, begin, innerBegin] = [performance.now(), bootTime(), performance.now()];
    wait(20);
    const [innerEnd, end, outerEnd] = [performance.now(), bootTime(), performance.now()];
    const [least, most] = [innerEnd - innerBegin - 0.1, outerEnd - outerBegin + 0.1];
    const passed = end - begin;
    assert(least <= passed && passed <= most, `${passed} is not within ${least} and ${most}`);
  });
});

Deno.test("bootTime() never goes back", () => {
  const times = Array.from({ length: 10_000 }, bootTime);
  assertEquals(times, times.toSorted((a, b) => a - b));
});

Deno.test("A timer fires at its time and not before", () => {
  withTimer((timer, wait) => {
    for (const delay of [1, 5.25, 20]) {
      const time = bootTime() + delay;
      setTimerFd(timer, time);
      assertEquals(wait(PATIENCE), 1);
      assert(bootTime() >= time);
      clearEventFd(timer);
      assertEquals(wait(0), 0);
    }
  });
});

Deno.test("A timer fires at once when its time is past", () => {
  withTimer((timer, wait) => {
    for (const time of [bootTime() - 1, bootTime(), 1, 0, -1000, -Infinity]) {
      setTimerFd(timer, time);
      assertEquals(wait(PATIENCE), 1, `${time}`);
      clearEventFd(timer);
    }
  });
});

Deno.test("A timer never fires at Infinity, and forgets what was set before", () => {
  withTimer((timer, wait) => {
    setTimerFd(timer, 0);
    setTimerFd(timer, Infinity);
    assertEquals([remaining(timer), wait(0)], [0, 0]);
  });
});

Deno.test("A timer may be set to any time, centuries ahead included", () => {
  withTimer((timer, wait) => {
    for (const delay of [1e4, 12_345.678, 59_999.999_999, 86_400_000, 9e12]) {
      const before = bootTime();
      setTimerFd(timer, before + delay);
      const left = remaining(timer);
      const [least, most] = [delay - (bootTime() - before) - 0.1, delay + 0.1];
      assert(least <= left && left <= most, `${left} is not within ${least} and ${most}`);
      assertEquals(wait(0), 0);
    }
  });
});

Deno.test("monotonicTime() is not ahead of bootTime(), and runs as fast", () => {
  const [boot, awake] = [bootTime(), monotonicTime()];
  assert(awake <= boot + 1);
  withTimer((_, wait) => wait(20));
  const [passedAwake, passed] = [monotonicTime() - awake, bootTime() - boot];
  assert(passedAwake >= 19 && passed >= 19, `${passedAwake} and ${passed}`);
});

Deno.test("a wake timer is not readable as long as nobody sets the clock, armed again or not", () => {
  const epoll = new Epoll(1);
  const fd = createWakeFd();
  try {
    epoll.add(fd, EPOLLIN);
    assertEquals(epoll.wait(0), 0);
    armWakeFd(fd);
    assertEquals(epoll.wait(20), 0);
    const setting = new NativeBuffer(ITIMERSPEC.size);
    assertEquals(libc.timerfd_gettime(fd, setting.address), 0);
    const seconds = setting.view.getBigInt64(ITIMERSPEC.it_value + TIMESPEC.tv_sec, true);
    assert(seconds > 86_400n * 365n, "it is armed, for a time that never comes");
  } finally {
    closeFd(fd);
    epoll.close();
  }
});
