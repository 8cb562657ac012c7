import { assertEquals } from "@std/assert";
import { lockHolder, locksOf, tunOf } from "../../../daemon/doctor/lock_holder.ts";
import { lockFile } from "../../../ffi/file_lock.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("lockHolder() names the process that holds a lock, and leaves it that", () => {
  using folder = new TemporaryFolder();
  const path = `${folder.path}/lock`;
  assertEquals(lockHolder(path), undefined);
  const lock = lockFile(path, { wait: false })!;
  assertEquals(lockHolder(path), Deno.pid);
  assertEquals(lockFile(path, { wait: false }), undefined);
  lock.close();
  assertEquals(lockHolder(path), undefined);
});

Deno.test("locksOf() tells on which file system a locked file is, as stat(2) numbers it", () => {
  const text = "1: POSIX  ADVISORY  READ 7 fe:00:128 128 128\n" +
    "2: FLOCK  ADVISORY  WRITE 8 00:3b:4 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 9 00:3b:4 0 EOF\n" +
    "3: FLOCK  ADVISORY  WRITE 10 fe:1ff:4 0 EOF\n";
  assertEquals(locksOf(text), [
    { pid: 8, device: 0x3b, inode: 4 },
    { pid: 10, device: 0x10_feff, inode: 4 },
  ]);
});

Deno.test("tunOf() gives undefined for a process without a TUN device", () => {
  assertEquals(tunOf(Deno.pid), undefined);
});
