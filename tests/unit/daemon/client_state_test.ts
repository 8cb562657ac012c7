import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ClientState } from "../../../daemon/client_state.ts";
import { Failure } from "../../../daemon/failure.ts";
import { planJoin } from "../../../daemon/join_plan.ts";
import { toBase64 } from "../../../lib/config/base64.ts";
import { CONNECT_OPTIONS } from "../../../lib/config/client_options.ts";
import { readClientSettings } from "../../../lib/config/client_settings.ts";
import { readArguments } from "../../../lib/config/command_line.ts";
import type { ServerReference } from "../../../lib/config/invite.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("timestamps grow, over restarts as well, and few of them are written", () => {
  using temporary = new TemporaryFolder();
  const files = new Set<string>();
  let last = 0;
  for (let start = 0; start < 3; start++) {
    using state = new ClientState(temporary.path);
    for (let i = 0; i < 10; i++) {
      const next = state.nextTimestamp();
      assert(next > last && next < Date.now() + 4 * 60_000, `${next} after ${last}`);
      last = next;
      const text = Deno.readTextFileSync(`${temporary.path}/timestamp`);
      assert(Number(text) >= next);
      files.add(text);
    }
  }
  assertEquals(files.size, 3);
});

Deno.test("timestamps stay near the clock, however often a client is started", () => {
  using temporary = new TemporaryFolder();
  for (let start = 0; start < 100; start++) {
    using state = new ClientState(temporary.path);
    assert(state.nextTimestamp() < Date.now() + 90_000);
  }
});

for (const text of ["Infinity", "1e300", "-1", "0.5", "rubbish", ""]) {
  Deno.test(`a timestamp file with "${text}" in it is as good as none`, () => {
    using temporary = new TemporaryFolder();
    Deno.writeTextFileSync(`${temporary.path}/timestamp`, text);
    using state = new ClientState(temporary.path);
    const before = Date.now();
    const next = state.nextTimestamp();
    assert(next >= before && next <= Date.now(), `${next}`);
  });
}

function reference(host: string, byte: number, port = 2002): ServerReference {
  return { host, port, publicKey: new Uint8Array(32).fill(byte) };
}

function hostsOf(servers: readonly ServerReference[]): string[] {
  return servers.map(({ host, port }) => `${host}:${port}`);
}

Deno.test("a client remembers its servers in order, and those that it had before", () => {
  using temporary = new TemporaryFolder();
  {
    using state = new ClientState(temporary.path);
    assertEquals([state.servers, state.known], [[], []]);
    state.servers = [reference("a", 1)];
    state.servers = [reference("b", 2), reference("c", 3, 443)];
  }
  using state = new ClientState(temporary.path);
  assertEquals(state.servers, [reference("b", 2), reference("c", 3, 443)]);
  assertEquals(hostsOf(state.known), ["b:2002", "c:443", "a:2002"]);
  for (let i = 0; i < 100; i++) state.servers = [reference(`host${i}`, i)];
  assertEquals(state.known.length, 17, "not for ever");
});

Deno.test("a file of one server, as earlier programs leave it, is a list of one", () => {
  using temporary = new TemporaryFolder();
  const publicKey = toBase64(new Uint8Array(32).fill(5));
  const file = { version: 1, host: "a", port: 443, publicKey };
  Deno.writeTextFileSync(`${temporary.path}/joined.json`, JSON.stringify(file));
  using state = new ClientState(temporary.path);
  assertEquals(state.servers, [reference("a", 5, 443)]);
});

for (
  const text of [
    "",
    "null",
    "[]",
    '{"version":1}',
    '{"version":1,"host":"a","port":1,"publicKey":"AA=="}',
    `{"version":1,"host":"a","port":1,"publicKey":"${"A".repeat(43)}=","others":7}`,
    `{"version":1,"host":"a","port":1,"publicKey":"${"A".repeat(43)}=","others":[null]}`,
  ]
) {
  Deno.test(`a list of servers that is "${text}" is told of`, () => {
    using temporary = new TemporaryFolder();
    Deno.writeTextFileSync(`${temporary.path}/joined.json`, text);
    using state = new ClientState(temporary.path);
    assertThrows(() => state.servers, Failure, "Cannot make sense of");
  });
}

Deno.test("keys and ports of servers that were joined before need not be given again", async () => {
  using temporary = new TemporaryFolder();
  using state = new ClientState(temporary.path);
  state.servers = [reference("a", 1, 443)];
  state.servers = [reference("b", 2)];
  const plan = (...args: string[]): Promise<{ servers: readonly ServerReference[] }> =>
    planJoin(readClientSettings(readArguments(CONNECT_OPTIONS, args)), state);
  assertEquals((await plan()).servers, [reference("b", 2)]);
  const both = (await plan("-s", "a", "-s", "b:53")).servers;
  assertEquals(both, [reference("a", 1, 443), reference("b", 2, 53)]);
  await assertRejects(() => plan("-s", "c", "-s", "a"), Error, 'key of the server "c"');
});
