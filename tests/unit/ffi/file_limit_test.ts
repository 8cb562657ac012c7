import { assert, assertEquals } from "@std/assert";
import { raiseFileLimit } from "../../../ffi/file_limit.ts";

Deno.test("raiseFileLimit() never lowers the limit, and stops at the hard one", () => {
  const before = raiseFileLimit(1);
  const hard = raiseFileLimit(2 ** 40);
  assert(before > 2);
  assert(hard >= before && hard < 2 ** 40);
  assertEquals(raiseFileLimit(1), hard);
});
