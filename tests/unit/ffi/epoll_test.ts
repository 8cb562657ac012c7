import { EPOLLIN, EPOLLOUT } from "../../../ffi/constants.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { Epoll } from "../../../ffi/epoll.ts";
import { OsError } from "../../../ffi/error.ts";
import { clearEventFd, createEventFd, notifyEventFd } from "../../../ffi/eventfd.ts";
import { closeFd } from "../../../ffi/fd.ts";

/** Runs a test with an epoll instance and some eventfds, which are closed in any case. */
function withEvents(
  count: number,
  capacity: number,
  test: (epoll: Epoll, fds: number[]) => void,
): void {
  const epoll = new Epoll(capacity);
  const fds = Array.from({ length: count }, createEventFd);
  try {
    test(epoll, fds);
  } finally {
    fds.forEach(closeFd);
    epoll.close();
  }
}

/** The events of one wait that does not block, by file descriptor in ascending order. */
function poll(epoll: Epoll): [number, number][] {
  const count = epoll.wait(0);
  return Array.from({ length: count }, (_, i): [number, number] => [epoll.fd(i), epoll.events(i)])
    .toSorted(([a], [b]) => a - b);
}

Deno.test("Epoll tells which of several file descriptors are ready, for as long as they are", () => {
  withEvents(3, 8, (epoll, fds) => {
    for (const fd of fds) epoll.add(fd, EPOLLIN);
    assertEquals(poll(epoll), []);
    notifyEventFd(fds[0]!);
    notifyEventFd(fds[2]!);
    const both = [[fds[0]!, EPOLLIN], [fds[2]!, EPOLLIN]];
    assertEquals<unknown>([poll(epoll), poll(epoll)], [both, both]);
    clearEventFd(fds[0]!);
    assertEquals(poll(epoll), [[fds[2]!, EPOLLIN]]);
  });
});

Deno.test("Epoll.modify() changes what is told, and delete() ends it", () => {
  withEvents(1, 8, (epoll, [fd]) => {
    epoll.add(fd!, EPOLLIN);
    epoll.modify(fd!, EPOLLIN | EPOLLOUT);
    assertEquals(poll(epoll), [[fd!, EPOLLOUT]]);
    notifyEventFd(fd!);
    assertEquals(poll(epoll), [[fd!, EPOLLIN | EPOLLOUT]]);
    epoll.delete(fd!);
    assertEquals(poll(epoll), []);
  });
});

Deno.test("Epoll.wait() gives no more events than the capacity, and the others in turn", () => {
  withEvents(5, 2, (epoll, fds) => {
    for (const fd of fds) {
      epoll.add(fd, EPOLLIN);
      notifyEventFd(fd);
    }
    const seen = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const events = poll(epoll);
      assertEquals(events.length, 2);
      for (const [fd] of events) seen.add(fd);
    }
    assertEquals(seen, new Set(fds));
  });
});

Deno.test("Epoll.add() throws OsError when a file descriptor is watched already or not open", () => {
  withEvents(1, 1, (epoll, [fd]) => {
    epoll.add(fd!, EPOLLIN);
    assertThrows(() => epoll.add(fd!, EPOLLIN), OsError, "epoll_ctl: file exists (EEXIST)");
    assertThrows(() => epoll.add(-1, EPOLLIN), OsError, "EBADF");
    assertThrows(() => epoll.modify(-1, EPOLLIN), OsError, "EBADF");
  });
});

Deno.test("Notifying an eventfd often, or when it is full, wakes as once", () => {
  withEvents(1, 1, (epoll, [fd]) => {
    epoll.add(fd!, EPOLLIN);
    for (let i = 0; i < 1000; i++) notifyEventFd(fd!);
    assertEquals(poll(epoll).length, 1);
    clearEventFd(fd!);
    assertEquals(poll(epoll), []);
    clearEventFd(fd!);
  });
});

Deno.test("An eventfd that another thread notifies ends a wait that blocks", async () => {
  const worker = new Worker(import.meta.resolve("./eventfd_worker.ts"), { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
  withEvents(1, 1, (epoll, [fd]) => {
    epoll.add(fd!, EPOLLIN);
    worker.postMessage(fd);
    assertEquals([epoll.wait(10_000), epoll.fd(0)], [1, fd]);
  });
  worker.terminate();
});
