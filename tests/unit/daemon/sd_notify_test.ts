import { assert, assertEquals } from "@std/assert";
import { ServiceManager } from "../../../daemon/sd_notify.ts";
import { NotifySocket } from "./notify_socket.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

function managerOf(environment: Record<string, string>): ServiceManager {
  return new ServiceManager((name) => environment[name]);
}

for (const kind of ["a path", "an abstract name"]) {
  Deno.test(`ServiceManager tells a socket at ${kind}`, async () => {
    using folder = new TemporaryFolder();
    const name = kind === "a path" ? `${folder.path}/notify` : `@simplevpn-${crypto.randomUUID()}`;
    using socket = NotifySocket.bind(name);
    const manager = managerOf({ NOTIFY_SOCKET: name });
    manager.ready("Serving 10.0.0.0/16");
    assertEquals(await socket.next(), ["READY=1", "STATUS=Serving 10.0.0.0/16"]);
    manager.status("two\nREADY=1\u001b[2J");
    assertEquals(await socket.next(), ["STATUS=two READY=1 [2J"]);
    // A service is killed 10 s after it was asked to end, unless it says that it takes longer.
    manager.stopping(60_000);
    assertEquals(await socket.next(), ["STOPPING=1", "EXTEND_TIMEOUT_USEC=90000000"]);
  });
}

Deno.test("ServiceManager does without a socket, and without anybody at it", () => {
  for (const name of [undefined, "", "vsock:2:1", "/nonexistent/notify", `/${"x".repeat(200)}`]) {
    managerOf(name === undefined ? {} : { NOTIFY_SOCKET: name }).ready("Serving");
  }
});

Deno.test("the watchdog is fed only while what must not hang answers", async () => {
  using folder = new TemporaryFolder();
  const name = `${folder.path}/notify`;
  using socket = NotifySocket.bind(name);
  const manager = managerOf({
    NOTIFY_SOCKET: name,
    WATCHDOG_USEC: "20000",
    WATCHDOG_PID: String(Deno.pid),
  });
  let questions = 0;
  const hangs = Promise.withResolvers<void>();
  using _watch = manager.watch(() => {
    if (++questions < 3) return Promise.resolve();
    hangs.resolve();
    return new Promise(() => {});
  });
  assertEquals(await socket.next(), ["WATCHDOG=1"]);
  assertEquals(await socket.next(), ["WATCHDOG=1"]);
  await hangs.promise;
  // Ten times as long as a sign of life takes.
  await new Promise((resolve) => setTimeout(resolve, 100));
  manager.status("end");
  assertEquals(await socket.next(), ["STATUS=end"]);
  assertEquals(questions, 3);
});

Deno.test("another program's watchdog is not fed, nor one that nobody set", async () => {
  for (const pid of [{ WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" }, { WATCHDOG_USEC: "0" }, {}]) {
    let asked = false;
    using _watch = managerOf({ NOTIFY_SOCKET: "/nonexistent", ...pid }).watch(() => {
      asked = true;
      return Promise.resolve();
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert(!asked);
  }
});
