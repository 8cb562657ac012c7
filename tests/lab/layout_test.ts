/** What ffi/ believes of the headers, put to C compilers of both machines as assertions. */
import * as constants from "../../ffi/constants.ts";
import { Errno } from "../../ffi/error.ts";
import * as layout from "../../ffi/layout.ts";
import { TARGETS } from "../../scripts/program.ts";
import { missingPackages, testUnless } from "./tunnel_lab.ts";

const HEADERS = [
  "errno.h",
  "fcntl.h",
  "netdb.h",
  "signal.h",
  "stddef.h",
  "time.h",
  "netinet/in.h",
  "netinet/udp.h",
  "sys/epoll.h",
  "sys/eventfd.h",
  "sys/file.h",
  "sys/ioctl.h",
  "sys/resource.h",
  "sys/socket.h",
  "sys/timerfd.h",
  "sys/timex.h",
  "sys/uio.h",
  "sys/un.h",
  "linux/capability.h",
  "linux/fib_rules.h",
  "linux/filter.h",
  "linux/if.h",
  "linux/if_ether.h",
  "linux/if_packet.h",
  "linux/if_tun.h",
  "linux/netlink.h",
  "linux/prctl.h",
  "linux/rtnetlink.h",
  "linux/sock_diag.h",
  "linux/sockios.h",
  "linux/tcp.h",
];

/** C's value for an expression, as ffi/ has it. */
type Claim = readonly [expression: string, value: number];

/** Every member of a layout but `size` is named as in C, where most structures are in lower case. */
function structureClaims(name: string, members: Readonly<Record<string, number>>): Claim[] {
  const type = `struct ${name.toLowerCase()}`;
  return Object.entries(members).map(([member, value]) => [
    member === "size" ? `sizeof(${type})` : `offsetof(${type}, ${member})`,
    value,
  ]);
}

function layoutClaims(arch: string): Claim[] {
  const { epollEventLayout, noFollowFlag, ...structures } = layout;
  return [
    ...Object.entries(structures).flatMap(([name, members]) => structureClaims(name, members)),
    ...structureClaims("epoll_event", epollEventLayout(arch)),
    ["O_NOFOLLOW", noFollowFlag(arch)],
  ];
}

/** Compiles the claims, and makes the compiler's words about the wrong ones the failure. */
async function assertClaims(compiler: string, claims: readonly Claim[]): Promise<void> {
  const source = [
    ...HEADERS.map((header) => `#include <${header}>`),
    ...claims.map(([expression, value]) =>
      `_Static_assert((${expression}) == ${value}, "${expression} is not ${value}");`
    ),
  ];
  const child = new Deno.Command(compiler, {
    args: ["-D_GNU_SOURCE", "-fsyntax-only", "-x", "c", "-"],
    stdin: "piped",
    stderr: "piped",
  }).spawn();
  const [{ success, stderr }] = await Promise.all([
    child.output(),
    new Blob([source.join("\n")]).stream().pipeTo(child.stdin),
  ]);
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

for (const arch of Object.keys(TARGETS)) {
  const compiler = arch === Deno.build.arch ? "gcc" : `${arch}-linux-gnu-gcc`;
  const obstacle = await missingPackages([compiler]);
  testUnless(
    obstacle,
    `ffi/constants.ts has the numbers of the headers on ${arch}`,
    () => assertClaims(compiler, Object.entries(constants)),
  );
  testUnless(
    obstacle,
    `Errno has the error numbers of the headers on ${arch}`,
    () => assertClaims(compiler, Object.entries(Errno)),
  );
  testUnless(
    obstacle,
    `ffi/layout.ts has the sizes and offsets of the headers on ${arch}`,
    () => assertClaims(compiler, layoutClaims(arch)),
  );
}
