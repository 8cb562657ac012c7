import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CONNECT_OPTIONS } from "../../../lib/config/client_options.ts";
import { readClientSettings } from "../../../lib/config/client_settings.ts";
import { type Arguments, readArguments, UsageError } from "../../../lib/config/command_line.ts";
import { readConfigFile } from "../../../lib/config/config_file.ts";
import {
  checkConfigFile,
  ConfigError,
  differences,
  mergeArguments,
  takeReloads,
} from "../../../lib/config/merged_settings.ts";
import { SERVE_OPTIONS } from "../../../lib/config/server_options.ts";
import { readServerSettings } from "../../../lib/config/server_settings.ts";
import { Random } from "../../random.ts";
import { orError } from "../or_error.ts";

const PROGRAMS = {
  server: { table: SERVE_OPTIONS, read: readServerSettings },
  client: { table: CONNECT_OPTIONS, read: readClientSettings },
} as const;
type ProgramName = keyof typeof PROGRAMS;

/** What is wrong with a file and a command line together. */
function complaints(name: ProgramName, text: string, ...args: string[]): readonly string[] {
  const { table, read } = PROGRAMS[name];
  try {
    checkConfigFile(read, readArguments(table, args), readConfigFile(table, text, "f.toml"));
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.complaints;
    throw error;
  }
}

function merged(text: string, ...args: string[]): Arguments {
  const file = readConfigFile(SERVE_OPTIONS, text, "f.toml");
  return mergeArguments(readArguments(SERVE_OPTIONS, args), file);
}

Deno.test("an option of the command line stands in place of the file's, a repeated one as a whole", () => {
  const text = 'port = 1\nroute = ["10.1.0.0/16", "10.2.0.0/16"]\nisolate = true\nmtu = 1400';
  const { port, routes, isolate, mtu } = readServerSettings(
    merged(text, "-p", "2", "--route", "10.3.0.0/16"),
  );
  assertEquals([port, routes.map(String), isolate, mtu], [2, ["10.3.0.0/16"], true, 1400]);
});

Deno.test("a wrong value is told with its place, and of a list all that are wrong", () => {
  assertEquals(complaints("server", 'port = "70000"\nsearch = ["a", "b.", "c-"]'), [
    'f.toml:1: port: "70000" is not a whole number from 1 to 65535',
    'f.toml:2: search: "b." is no domain name; "c-" is no domain name',
  ]);
});

Deno.test("what follows from another fault is not told", () => {
  assertEquals(complaints("server", "timeout = true\nkeepalive = 100").length, 1);
  assertEquals(complaints("server", 'timeout = "x"\nkeepalive = 100').length, 1);
  assertEquals(complaints("client", 'server = "a b"\nport = 1').length, 1);
  assertEquals(complaints("client", "server = []\nclassic = true").length, 1);
});

Deno.test("options of a file and of the command line have to go together", () => {
  assertEquals(complaints("server", "\nudp = true", "--tcp"), [
    "f.toml:2: The options --tcp and -u exclude each other",
  ]);
  assertEquals(complaints("server", "udp = true\n\ntcp = true"), [
    "f.toml:1: The options --tcp and -u exclude each other (see line 3)",
  ]);
  assertEquals(complaints("server", "", "--tcp", "-u"), [
    "The options --tcp and -u exclude each other",
  ]);
  assertEquals(complaints("server", "udp = false", "--tcp"), []);
  assertEquals(complaints("client", "forward = true", "--nat"), [
    "f.toml:1: The options --forward and --nat exclude each other",
  ]);
  assertEquals(complaints("client", "forward = false", "--nat"), []);
  assertEquals(complaints("client", "port = 1"), ["Which server? Name it with -s HOST"]);
  assertEquals(complaints("client", "port = 1", "-s", "x"), []);
  assertEquals(complaints("server", "dns = []\nno-ipv6 = true", "--route", "fd00::/64"), [
    "f.toml:1: --no-ipv6 contradicts a --network, --route or --dns of IPv6 (see line 2)",
  ]);
});

Deno.test("a wrong value of the command line is not the file's fault", () => {
  assertEquals(complaints("server", "port = 1", "-p", "x"), [
    '--port: "x" is not a whole number from 1 to 65535',
  ]);
  assertEquals(complaints("server", "mtu = 1", "-p", "x"), [
    'f.toml:1: mtu: "1" is not a whole number from 68 to 65535',
    '--port: "x" is not a whole number from 1 to 65535',
  ]);
});

const VALUES = [
  "1",
  '"x"',
  "true",
  "false",
  '"fd00::/64"',
  '"10.0.0.0/16"',
  '"fd00::1"',
  "100",
  "[]",
];
const FLAGS = [
  "--tcp",
  "-u",
  "--classic",
  "--no-ipv6",
  "--mtu=1",
  "--timeout=5",
  "--network=10.9.0.0/24",
];

Deno.test("there are complaints about what cannot be read, and none about what can", () => {
  const random = new Random(34);
  let fine = 0;
  for (let i = 0; i < 5000; i++) {
    const name = random.pick(["server", "client"] as const);
    const { table, read } = PROGRAMS[name];
    const lines = Array.from(
      { length: random.integer(0, 4) },
      () => `${random.pick(table).name} = ${random.pick(VALUES)}`,
    );
    const args = random.next() < 0.5 ? [] : [random.pick(FLAGS)];
    const commandLine = orError(UsageError, () => readArguments(table, args));
    if (commandLine === undefined) continue;
    const file = readConfigFile(table, lines.join("\n"), "f");
    const isFine = file.complaints.length === 0 &&
      orError(UsageError, () => read(mergeArguments(commandLine, file))) !== undefined;
    const said = complaints(name, lines.join("\n"), ...args);
    assertEquals(said.length === 0, isFine, lines.join("\n"));
    if (isFine) fine++;
    // What is wrong with a file alone is said with its lines: each UsageError names its options.
    for (const complaint of args.length > 0 ? [] : said) {
      assertMatch(complaint, /^(?:f\.toml:\d+: .*|Which server\? Name it with -s HOST)$/);
    }
  }
  assertEquals(fine > 500 && fine < 4500, true, `${fine}`);
});

Deno.test("a ConfigError is a UsageError that says all", () => {
  const read = (): void =>
    checkConfigFile(
      readServerSettings,
      readArguments(SERVE_OPTIONS, []),
      readConfigFile(SERVE_OPTIONS, "a = 1\nb = 2", "f"),
    );
  assertThrows(read, UsageError, 'f:1: Unknown key "a"\nf:2: Unknown key "b"');
});

Deno.test("a reload takes those options that can be taken, and knows the others", () => {
  const started = merged('port = 1\nroute = "10.1.0.0/16"\nisolate = true\nmtu = 1400', "--tcp");
  const now = merged('port = 2\ndns = "10.0.0.1"\nlog-level = "debug"', "--tcp");
  const next = takeReloads(SERVE_OPTIONS, started, now);
  assertEquals(readServerSettings(next), {
    ...readServerSettings(now),
    port: 1,
    mtu: 1400,
  });
  assertEquals(differences(SERVE_OPTIONS, started, next), ["route", "dns", "isolate", "log-level"]);
  assertEquals(differences(SERVE_OPTIONS, next, now), ["port", "mtu"]);
  assertEquals(differences(SERVE_OPTIONS, now, now), []);
});
