/**
 * The C library: every function of it that this project calls, with the types that it has on 64-bit
 * Linux. Nothing else calls `Deno.dlopen()` on it.
 *
 * Three habits keep calls fast. Calls of the hot path have `i32` and `buffer` parameters only, and
 * take about 10 ns; any other type makes it 100 ns, as V8 then builds an object for the arguments.
 * Elsewhere addresses pass as plain numbers (`usize`), made once per buffer by NativeBuffer. And ssize_t
 * results, none of which is ever above 2^31 here, are read as `i32`, since a 64-bit result would become
 * a BigInt on the heap at each call.
 */
const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  setgroups: { parameters: ["usize", "usize"], result: "i32" },
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  execv: { parameters: ["buffer", "usize"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "usize"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "usize", "usize"], result: "i32" },
  write: { parameters: ["i32", "usize", "usize"], result: "i32" },
  readlink: { parameters: ["buffer", "usize", "usize"], result: "i32" },
  readv: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  writev: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendmmsg: { parameters: ["i32", "usize", "u32", "i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "usize", "u32", "i32", "usize"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "usize"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "usize", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "usize", "usize", "i32"], result: "i32" },
  connect: { parameters: ["i32", "usize", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "usize", "usize"], result: "i32" },
  getpeername: { parameters: ["i32", "usize", "usize"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "usize", "usize"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "usize", "u32"], result: "i32" },
  send: { parameters: ["i32", "usize", "usize", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  recv: { parameters: ["i32", "usize", "usize", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "usize"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  timerfd_settime: { parameters: ["i32", "i32", "usize", "usize"], result: "i32" },
  timerfd_gettime: { parameters: ["i32", "usize"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  adjtimex: { parameters: ["usize"], result: "i32" },
  sigaction: { parameters: ["i32", "usize", "usize"], result: "i32" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  getrlimit: { parameters: ["i32", "usize"], result: "i32" },
  setrlimit: { parameters: ["i32", "usize"], result: "i32" },
  /** Its result is a pointer, of which only NULL or not matters: the lower half tells that. */
  if_indextoname: { parameters: ["u32", "usize"], result: "u32" },
  getaddrinfo: {
    parameters: ["usize", "usize", "usize", "usize"],
    result: "i32",
    nonblocking: true,
  },
  freeaddrinfo: { parameters: ["usize"], result: "void" },
  gai_strerror: { parameters: ["i32"], result: "pointer" },
  strerror: { parameters: ["i32"], result: "pointer" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** What a native type is in TypeScript: Deno's own types want BigInts where plain numbers pass. */
type Value<T> = T extends "buffer" ? Uint8Array<ArrayBuffer>
  : T extends "pointer" ? Deno.PointerObject
  : T extends "void" ? void
  : number;

type Arguments<P extends readonly unknown[]> = { -readonly [I in keyof P]: Value<P[I]> };

type Calls<S extends Record<string, { parameters: readonly unknown[]; result: unknown }>> = {
  readonly [K in keyof S]: (
    ...args: Arguments<S[K]["parameters"]>
  ) => S[K] extends { nonblocking: true } ? Promise<Value<S[K]["result"]>> : Value<S[K]["result"]>;
};

/** The C library's functions, as its manual describes them. Failures are left to the caller. */
export const libc = Deno.dlopen("libc.so.6", SYMBOLS).symbols as unknown as Calls<typeof SYMBOLS>;

const errnoView = new Deno.UnsafePointerView(libc.__errno_location());

/** This thread's errno; to be read right after the call that failed. */
export function errno(): number {
  return errnoView.getInt32();
}
