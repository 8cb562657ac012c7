import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { check, describeErrno, Errno, OsError } from "../../../ffi/error.ts";
import { closeFd, openFd } from "../../../ffi/fd.ts";
import { libc } from "../../../ffi/libc.ts";
import { cString } from "../../../ffi/native_buffer.ts";

Deno.test("OsError says which call failed and why, in words and by name", () => {
  const error = new OsError("open", Errno.EACCES);
  assertEquals(error.message, "open: permission denied (EACCES)");
  assertEquals([error.reason, error.call], ["permission denied (EACCES)", "open"]);
});

Deno.test("describeErrno() gives the number of an error that has no name", () => {
  assertMatch(describeErrno(4000), /^unknown error 4000 \(4000\)$/);
});

Deno.test("describeErrno() calls an error by the name that the kernel has for it", () => {
  const { EAGAIN, EWOULDBLOCK, ENOTSUP } = Errno;
  assertEquals(EAGAIN, EWOULDBLOCK);
  assertMatch(describeErrno(EAGAIN), /\(EAGAIN\)$/);
  assertMatch(describeErrno(ENOTSUP), /\(EOPNOTSUPP\)$/);
});

Deno.test("check() throws the error of the call that failed just now", () => {
  const missing = assertThrows(() => openFd(cString("/nonexistent"), 0), OsError);
  assertEquals([missing.call, missing.errno], ["open", Errno.ENOENT]);
  const folder = assertThrows(() => openFd(cString("/"), 1), OsError);
  assertEquals(folder.errno, Errno.EISDIR);
  const closed = assertThrows(() => check("close", libc.close(-1)), OsError);
  assertEquals(closed.message, "close: bad file descriptor (EBADF)");
});

Deno.test("check() returns a result that is no failure", () => {
  assertEquals([check("read", 0), check("read", 7)], [0, 7]);
});

Deno.test("closeFd() closes a file descriptor, and is silent about one that is not open", () => {
  const fd = openFd(cString("/dev/null"), 0);
  closeFd(fd);
  closeFd(fd);
  assertThrows(() => check("close", libc.close(fd)), OsError, "EBADF");
});
