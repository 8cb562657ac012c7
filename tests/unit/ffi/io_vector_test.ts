import { assertEquals } from "@std/assert";
import { Errno } from "../../../ffi/error.ts";
import { createEventFd } from "../../../ffi/eventfd.ts";
import { closeFd } from "../../../ffi/fd.ts";
import { IoVector } from "../../../ffi/io_vector.ts";
import { errno } from "../../../ffi/libc.ts";
import { NativeBuffer } from "../../../ffi/native_buffer.ts";

Deno.test("IoVector writes from, and reads to, where it points", () => {
  const memory = new NativeBuffer(32);
  const vector = new IoVector();
  const counter = createEventFd();
  memory.view.setBigUint64(3, 5n, true);
  vector.set(memory.address + 3, 8);
  assertEquals([vector.write(counter), vector.write(counter)], [8, 8]);
  vector.set(memory.address + 17, 8);
  assertEquals(vector.read(counter), 8);
  assertEquals(memory.view.getBigUint64(17, true), 10n);
  assertEquals(memory.view.getBigUint64(3, true), 5n);
  closeFd(counter);
});

Deno.test("IoVector passes failures on: -1, and errno() says which", () => {
  const memory = new NativeBuffer(8);
  const vector = new IoVector();
  const counter = createEventFd();
  vector.set(memory.address, 8);
  assertEquals([vector.read(counter), errno()], [-1, Errno.EAGAIN]);
  assertEquals([vector.send(counter, 0), errno()], [-1, Errno.ENOTSOCK]);
  vector.set(memory.address, 4);
  assertEquals([vector.write(counter), errno()], [-1, Errno.EINVAL]);
  closeFd(counter);
});
