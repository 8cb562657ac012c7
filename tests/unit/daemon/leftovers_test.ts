import { assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../../daemon/failure.ts";
import { putBackLeftovers, undoIfKilled } from "../../../daemon/leftovers.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("a program that starts lets a state folder be that it cannot look into", async () => {
  using folder = new TemporaryFolder();
  // In the place of another user's folder, which there is none of for root.
  const path = `${folder.path}/state`;
  Deno.writeTextFileSync(path, "");
  await putBackLeftovers("client", path);
  await assertRejects(() => undoIfKilled("client", path), Failure, "Cannot read");
  assertEquals(await undoIfKilled("client", `${folder.path}/none`), []);
});
