import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../daemon/failure.ts";
import { randomNetwork } from "../../../daemon/random_network.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("randomNetwork() makes another network in each folder, once", () => {
  using one = new TemporaryFolder();
  using other = new TemporaryFolder();
  const network = `${randomNetwork(one.path)}`;
  assertMatch(network, /^fd[0-9a-f]{2}:[0-9a-f:]+::\/64$/);
  assertEquals(`${randomNetwork(one.path)}`, network);
  assertNotEquals(`${randomNetwork(other.path)}`, network);
});

Deno.test("randomNetwork() throws Failure for a file that makes no sense, and leaves it", () => {
  using folder = new TemporaryFolder();
  for (const text of ["", "fd00::/48\n", "fd00::1/64\n", "10.0.0.0/16\n", "no\n"]) {
    Deno.writeTextFileSync(`${folder.path}/network6`, text);
    assertThrows(() => randomNetwork(folder.path), Failure, "network6");
    assertEquals(Deno.readTextFileSync(`${folder.path}/network6`), text);
  }
});
