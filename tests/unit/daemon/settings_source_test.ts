import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Failure } from "../../../daemon/failure.ts";
import { describeReload, SettingsSource } from "../../../daemon/settings_source.ts";
import { readArguments, UsageError } from "../../../lib/config/command_line.ts";
import { SERVE_OPTIONS } from "../../../lib/config/server_options.ts";
import { readServerSettings, type ServerSettings } from "../../../lib/config/server_settings.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

/** A file that can be changed, and a program that goes by it. */
class Scene implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly source: SettingsSource<ServerSettings>;
  /** What the program was given, one after the other. */
  readonly applied: ServerSettings[] = [];

  constructor(text: string, ...args: string[]) {
    this.write(text);
    const commandLine = readArguments(SERVE_OPTIONS, ["--config", this.#file, ...args]);
    try {
      this.source = new SettingsSource(SERVE_OPTIONS, readServerSettings, commandLine);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  write(text: string): void {
    Deno.writeTextFileSync(this.#file, text);
  }

  follow(): void {
    this.source.follow((settings) => this.applied.push(settings));
  }

  get #file(): string {
    return `${this.#folder.path}/server.toml`;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

Deno.test("settings come from the file, and from the command line before it", () => {
  using scene = new Scene("port = 1\nmtu = 1400", "-p", "2");
  const { port, mtu } = scene.source.settings;
  assertEquals([port, mtu, scene.source.canReload], [2, 1400, true]);
});

Deno.test("without a file there is nothing to reload", () => {
  const commandLine = readArguments(SERVE_OPTIONS, ["-p", "2"]);
  const source = new SettingsSource(SERVE_OPTIONS, readServerSettings, commandLine);
  assertEquals([source.settings.port, source.canReload], [2, false]);
  assertThrows(() => source.reload(), Failure, "--config");
});

Deno.test("a file that makes no sense, or is none, is an error at the start", () => {
  assertThrows(() => new Scene("port = 0"), UsageError, "server.toml:1: port");
  assertThrows(() => new Scene("port = 1".repeat(10_000)), Failure, "longer than 65536 bytes");
  const commandLine = readArguments(SERVE_OPTIONS, ["--config", "/nowhere"]);
  assertThrows(
    () => new SettingsSource(SERVE_OPTIONS, readServerSettings, commandLine),
    Failure,
    "Cannot read the configuration file /nowhere",
  );
});

Deno.test("a reload applies what it can, and nothing if nothing of that is another", () => {
  using scene = new Scene("port = 1");
  scene.follow();
  scene.write("port = 2");
  assertEquals(scene.source.reload(), { complaints: [], applied: [], pending: ["port"] });
  assertEquals(scene.applied, []);
  scene.write("isolate = true\nport = 2");
  assertEquals(scene.source.reload(), { complaints: [], applied: ["isolate"], pending: ["port"] });
  assertEquals(scene.applied.map(({ isolate, port }) => [isolate, port]), [[true, 1]]);
  assertEquals(scene.source.reload().applied, []);
  scene.write("port = 1");
  assertEquals(scene.source.reload(), { complaints: [], applied: ["isolate"], pending: [] });
  assertEquals(scene.applied.length, 2);
});

Deno.test("what the command line says stays, whatever the file says", () => {
  using scene = new Scene("", "--max-clients", "7");
  scene.follow();
  scene.write("max-clients = 9");
  assertEquals(scene.source.reload().applied, []);
});

Deno.test("a file that makes no sense any more changes nothing", () => {
  using scene = new Scene("isolate = true");
  scene.follow();
  for (const text of ["isolate = 1", "isolate = false\nx = 1", "port = 0", "\u0000", "["]) {
    scene.write(text);
    const { complaints, applied, pending } = scene.source.reload();
    assertEquals([complaints.length, applied, pending], [1, [], []], text);
    assertMatch(complaints[0]!, /server\.toml:\d+: /);
  }
  assertEquals(scene.applied, []);
});

Deno.test("what can be applied has to go with what cannot", () => {
  using scene = new Scene("no-ipv6 = true");
  scene.follow();
  scene.write('route = "fd00::/64"');
  const { complaints } = scene.source.reload();
  assertMatch(
    complaints.join(),
    /contradicts .*: start anew, since no-ipv6 cannot be changed before/,
  );
  assertEquals(scene.applied, []);
});

Deno.test("a failure to apply is told, ends nothing, and the next reload tries again", () => {
  using scene = new Scene("");
  let failures = 1;
  scene.source.follow((settings) => {
    if (failures-- > 0) throw new Error("no memory");
    scene.applied.push(settings);
  });
  scene.write("isolate = true");
  assertEquals(scene.source.reload(), { complaints: ["no memory"], applied: [], pending: [] });
  assertEquals(scene.source.reload().applied, ["isolate"]);
  assertEquals(scene.applied.length, 1);
});

Deno.test("a reload that comes too early is done as soon as it can be", () => {
  using scene = new Scene("");
  scene.write("isolate = true");
  scene.source.reload();
  assertEquals(scene.applied, []);
  scene.follow();
  assertEquals(scene.applied.map(({ isolate }) => isolate), [true]);
});

Deno.test("a reload is described in one line", () => {
  const of = (applied: string[], pending: string[]): string =>
    describeReload({ complaints: [], applied, pending });
  assertEquals(of(["a", "b"], ["c"]), "in force now: a, b; from the next start on: c");
  assertEquals(of([], ["c"]), "from the next start on: c");
  assertEquals(of([], []), "nothing is another than before");
});
