import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { parseSocketAddress, ResolveError, resolveHost } from "../../../ffi/resolve.ts";

Deno.test("parseSocketAddress() reads literal addresses of both families", async () => {
  const texts: Record<string, string> = {
    "127.0.0.1": "127.0.0.1:2002",
    "0.0.0.0": "0.0.0.0:2002",
    "::1": "[::1]:2002",
    "::": "[::]:2002",
    "2001:DB8:0::1": "[2001:db8::1]:2002",
    "::ffff:192.0.2.1": "192.0.2.1:2002",
  };
  for (const [text, expected] of Object.entries(texts)) {
    assertEquals((await parseSocketAddress(text, 2002)).map(String), [expected]);
  }
});

Deno.test("parseSocketAddress() rejects with ResolveError for a name, and asks nobody", async () => {
  for (const text of ["localhost", "", "192.0.2.256", "192.0.2.1:2002", "[::1]", "::g"]) {
    const error = await assertRejects(() => parseSocketAddress(text, 1), ResolveError);
    assertEquals([error.message, error.temporary], ["name or service not known", false], text);
  }
});

Deno.test("parseSocketAddress() rejects what means other addresses to other programs", async () => {
  const texts = ["127.1", "0x7f.1", "010.0.0.1", "2130706433", "0", "127.0.0.1%lo", "::0x1", "%1"];
  for (const text of texts) {
    await assertRejects(() => parseSocketAddress(text, 1), ResolveError);
  }
});

Deno.test("parseSocketAddress() takes the interface of a link-local address", async () => {
  const [address] = await parseSocketAddress("fe80::1%lo", 2002);
  assertMatch(String(address), /^\[fe80::1%\d+\]:2002$/);
  await assertRejects(() => parseSocketAddress("fe80::1%no such", 1), ResolveError);
});

Deno.test("resolveHost() takes a literal address for itself, with the port that it is given", async () => {
  for (const port of [1, 2002, 65535]) {
    assertEquals((await resolveHost("192.0.2.1", port)).map(String), [`192.0.2.1:${port}`]);
    assertEquals((await resolveHost("2001:db8::1", port)).map(String), [`[2001:db8::1]:${port}`]);
  }
});

Deno.test("Several hosts are resolved at the same time without mixing them up", async () => {
  const hosts = Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`);
  const resolved = await Promise.all(hosts.map((host, port) => resolveHost(host, port)));
  assertEquals(resolved.flat().map(String), hosts.map((host, port) => `${host}:${port}`));
});
