import { assertEquals } from "@std/assert";
import { SIGHUP } from "../../../ffi/constants.ts";
import { isIgnored } from "../../../ffi/signal.ts";

/** Deno itself lives without it. */
const SIGPIPE = 13;

Deno.test("isIgnored() tells which signals this process was told to ignore", () => {
  assertEquals([SIGHUP, SIGPIPE].map(isIgnored), [false, true]);
});
