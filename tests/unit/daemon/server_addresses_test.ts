import { assertEquals, assertRejects } from "@std/assert";
import { ServerAddresses } from "../../../daemon/server_addresses.ts";
import { EAI_AGAIN, EAI_NONAME } from "../../../ffi/constants.ts";
import { ResolveError, resolveHost } from "../../../ffi/resolve.ts";

const KNOWN = await resolveHost("192.0.2.1", 2002);
const OTHER = await resolveHost("192.0.2.2", 2002);

Deno.test("ServerAddresses fails with the name as long as there was no connection", async () => {
  const addresses = new ServerAddresses("x", 1, () => Promise.reject(new ResolveError(EAI_AGAIN)));
  await assertRejects(() => addresses.find(), ResolveError);
});

Deno.test("ServerAddresses goes on with the last ones where the name cannot be found", async () => {
  for (const code of [EAI_AGAIN, EAI_NONAME]) {
    const addresses = new ServerAddresses("x", 1, () => Promise.reject(new ResolveError(code)));
    addresses.remember(KNOWN);
    assertEquals(await addresses.find(), KNOWN);
  }
});

Deno.test("ServerAddresses waits for a slow answer for a while, and asks once at a time", async () => {
  let asked = 0;
  const answer = Promise.withResolvers<typeof OTHER>();
  const addresses = new ServerAddresses("x", 1, () => {
    asked++;
    return answer.promise;
  });
  addresses.remember(KNOWN);
  assertEquals(await addresses.find(), KNOWN);
  const second = addresses.find();
  answer.resolve(OTHER);
  assertEquals([await second, asked], [OTHER, 1]);
  await addresses.find();
  assertEquals(asked, 2);
});
