import { assertEquals } from "@std/assert";
import { lockHolder, tunOf } from "../../../daemon/doctor/lock_holder.ts";
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

Deno.test("tunOf() gives undefined for a process without a TUN device", () => {
  assertEquals(tunOf(Deno.pid), undefined);
});
