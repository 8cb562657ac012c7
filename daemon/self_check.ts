import { AF_INET, EPOLLIN, IFF_LOOPBACK, RT_TABLE_MAIN, RTPROT_KERNEL } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { closeFd } from "../ffi/fd.ts";
import { Epoll } from "../ffi/epoll.ts";
import { createEventFd, notifyEventFd } from "../ffi/eventfd.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import { parseSocketAddress } from "../ffi/resolve.ts";
import { listRules } from "../ffi/rtnetlink.ts";
import { listenTcp, localAddress } from "../ffi/socket.ts";
import { bootTime, createTimerFd, setTimerFd } from "../ffi/timer.ts";
import { Failure } from "./failure.ts";

/** Whether a check passed; undefined if this machine has nothing that it could ask. */
type Result = boolean | undefined;

/** Each check passes a structure to the kernel or the C library and looks at what comes back. */
const CHECKS: readonly { structure: string; run(): Result | Promise<Result> }[] = [
  { structure: "timespec", run: () => bootTime() > 0 && bootTime() < 1e13 },
  { structure: "epoll_event", run: checkEpoll },
  { structure: "itimerspec", run: checkTimer },
  { structure: "addrinfo, sockaddr_in, sockaddr_in6", run: checkAddresses },
  { structure: "sockaddr_in of a socket", run: checkSocketName },
  { structure: "ifreq", run: () => (new NetworkInterface("lo").flags & IFF_LOOPBACK) !== 0 },
  { structure: "nlmsghdr, fib_rule_hdr, rtattr", run: checkRules },
];

/**
 * Tests that this program's idea of the machine's structures is the machine's, one line each.
 *
 * @throws {Failure} if any is not
 */
export async function selfCheck(): Promise<void> {
  let failures = 0;
  for (const { structure, run } of CHECKS) {
    const passed = await run();
    const word = passed === undefined ? "unsupported" : passed ? "ok" : "FAILED";
    console.log(`${word}  ${structure}`);
    if (passed === false) failures++;
  }
  if (failures > 0) {
    throw new Failure(`${failures} of ${CHECKS.length} checks failed on ${Deno.build.arch}`);
  }
}

/** Two file descriptors ready at once: the second event's place shows the size of the structure. */
function checkEpoll(): boolean {
  const epoll = new Epoll(4);
  const fds = [createEventFd(), createEventFd()];
  for (const fd of fds) {
    epoll.add(fd, EPOLLIN);
    notifyEventFd(fd);
  }
  const count = epoll.wait(1000);
  const told = [0, 1].map((i) => epoll.events(i) === EPOLLIN ? epoll.fd(i) : -1);
  for (const fd of fds) closeFd(fd);
  epoll.close();
  return count === 2 && fds.every((fd) => told.includes(fd));
}

function checkTimer(): boolean {
  const epoll = new Epoll(1);
  const timer = createTimerFd();
  const begun = bootTime();
  setTimerFd(timer, begun + 20);
  epoll.add(timer, EPOLLIN);
  const fired = epoll.wait(2000) === 1;
  const elapsed = bootTime() - begun;
  closeFd(timer);
  epoll.close();
  return fired && elapsed >= 20 && elapsed < 2000;
}

async function checkAddresses(): Promise<boolean> {
  const texts = ["192.0.2.77", "2001:db8::4d"];
  const read = await Promise.all(texts.map((text) => parseSocketAddress(text, 2002)));
  return read.every((addresses, i) =>
    addresses.length === 1 && addresses[0]!.host === texts[i] && addresses[0]!.port === 2002
  );
}

async function checkSocketName(): Promise<boolean> {
  const [loopback] = await parseSocketAddress("127.0.0.1", 0);
  const fd = listenTcp(loopback!);
  const { host, port } = localAddress(fd);
  closeFd(fd);
  return host === "127.0.0.1" && port > 0;
}

/** The rule that packets look into the main table is the kernel's own. */
function checkRules(): Result {
  try {
    return listRules(AF_INET, RTPROT_KERNEL).some(({ table }) => table === RT_TABLE_MAIN);
  } catch (error) {
    // A kernel without policy routing, or an emulator of user programs.
    if (error instanceof OsError && error.errno === Errno.EOPNOTSUPP) return undefined;
    throw error;
  }
}
