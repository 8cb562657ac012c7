import { assert, assertEquals, assertMatch } from "@std/assert";
import { CONNECT_OPTIONS } from "../../../lib/config/client_options.ts";
import { type Option, readArguments } from "../../../lib/config/command_line.ts";
import { CONFIG } from "../../../lib/config/common_options.ts";
import { keysOf, readConfigFile } from "../../../lib/config/config_file.ts";
import { SERVE_OPTIONS } from "../../../lib/config/server_options.ts";
import { Random } from "../../random.ts";

function complaintsAbout(text: string, table = SERVE_OPTIONS): string[] {
  return readConfigFile(table, text, "f").complaints.map(({ line, text }) => `${line}: ${text}`);
}

/** An option as it is written in a file, and on a command line, with the same values. */
function written({ name, value, repeats }: Option): { line: string; args: string[] } {
  if (!value) return { line: `${name} = true`, args: [`--${name}`] };
  if (!repeats) return { line: `${name} = "a # b"`, args: [`--${name}=a # b`] };
  return { line: `${name} = ["a", 'b', 3]`, args: ["a", "b", "3"].map((it) => `--${name}=${it}`) };
}

for (const [name, table] of [["server", SERVE_OPTIONS], ["client", CONNECT_OPTIONS]] as const) {
  Deno.test(`every option of the ${name}'s command line can stand in a file`, () => {
    const all = keysOf(table).map(written);
    const { options, lines, complaints } = readConfigFile(
      table,
      all.map(({ line }) => line).join("\n"),
      "f",
    );
    assertEquals(complaints, []);
    assertEquals(options, readArguments(table, all.flatMap(({ args }) => args)).options);
    assertEquals([...lines], keysOf(table).map(({ name }, i) => [name, i + 1]));
    assertEquals(table.length, all.length + 1);
  });
}

Deno.test("numbers are values as well, a list may be left out, and what is off or empty is not there", () => {
  const { options } = readConfigFile(
    SERVE_OPTIONS,
    'port = 2_003\ntimeout = 1.5\n"mtu" = 0x578\nroute = "10.0.0.0/8"\nisolate = false\ndns = []',
    "f",
  );
  assertEquals([...options], [
    ["port", ["2003"]],
    ["timeout", ["1.5"]],
    ["mtu", ["1400"]],
    ["route", ["10.0.0.0/8"]],
  ]);
});

Deno.test("an empty file says nothing", () => {
  for (const text of ["", "\n", "# port = 1", "\r\n"]) {
    const { options, complaints } = readConfigFile(SERVE_OPTIONS, text, "f");
    assertEquals([options.size, complaints], [0, []]);
  }
});

Deno.test("lines may end as on Windows, also those of a list", () => {
  const text =
    '# a server\r\nport = 443\r\n\r\ndns = [\r\n"10.0.0.1",\r\n]\r\nisolate = true # yes\r\n';
  const { options, lines, complaints } = readConfigFile(SERVE_OPTIONS, text, "f");
  assertEquals(complaints, []);
  assertEquals([...options], [["port", ["443"]], ["dns", ["10.0.0.1"]], ["isolate", ["true"]]]);
  assertEquals([...lines.values()], [2, 4, 7]);
});

Deno.test("all that is wrong with a file is told, by lines", () => {
  assertEquals(
    complaintsAbout(`
      netwrok = "10.0.0.0/16"
      frobnicate = 1
      ${CONFIG} = "other.toml"
      no_ipv6 = true
      isolate = "yes"
      port = true
      mtu = [1400]
      route = ["10.0.0.0/8",
        [1]]
      dns = {}
      search = 2026-01-01
      tun = ""
      listen = 0.0.0.0
      congestion = bbr
      state = "a\\u0000b"
      tcp = true
      tcp = true
      [section]
      max-clients.x = 1
      keepalive = 1 timeout = 1
      json-logs
      crypto = "a
      __proto__ = 1
    `),
    [
      '2: Unknown key "netwrok": did you mean "network"?',
      '3: Unknown key "frobnicate"',
      '4: Unknown key "config"',
      '5: Unknown key "no_ipv6": did you mean "no-ipv6"?',
      "6: isolate: this is text, not true or false",
      "7: port: this is true, not text or a number (PORT)",
      "8: mtu: this is a list, not text or a number (BYTES)",
      "9: route: this is a list, not text, or a list of texts",
      "11: dns: this is a table, not text, or a list of texts",
      "12: search: this is a date, not text, or a list of texts",
      "13: tun: it needs a value: NAME",
      '14: No TOML: Unexpected character: "." (text stands in quotes)',
      "15: No TOML: Cannot parse value (text stands in quotes)",
      "16: state: there is a control character in the value",
      "18: tcp: it is on line 17 already",
      '19: "[section]": there are no tables here, only keys with their values',
      "20: max-clients: this is a table, not text or a number (N)",
      "21: Write one key and its value on each line",
      `22: No TOML: key/value pair doesn't have "="`,
      "23: No TOML: Single-line string is not closed",
      "24: Write one key and its value on each line",
    ],
  );
});

Deno.test("no part of a value is repeated: it may be a secret", () => {
  const secret = "simplevpn://x:1/hush";
  for (
    const value of [
      secret,
      `"${secret}`,
      `"${secret}" x`,
      `["${secret}"`,
      `"""${secret}`,
      `'${secret}`,
    ]
  ) {
    for (const key of ["invite", "invite-file", "port"]) {
      const complaints = complaintsAbout(`${key} = ${value}`, CONNECT_OPTIONS);
      assert(complaints.length > 0 && !complaints.join().includes("hush"), complaints.join());
    }
  }
});

Deno.test("a value of any size, and lists of any depth, are read or refused", () => {
  const long = "a#\\n".repeat(15_000);
  const { options } = readConfigFile(SERVE_OPTIONS, `state = """${"a#'\n".repeat(16_000)}"""`, "f");
  assertEquals(options.size, 0);
  assertEquals(complaintsAbout(`state = "${long}"`), [
    "1: state: there is a control character in the value",
  ]);
  assertEquals(complaintsAbout(`route = ${"[".repeat(60_000)}`).length, 1);
  assertEquals(complaintsAbout("\n".repeat(60_000) + "x = 1"), ['60001: Unknown key "x"']);
});

Deno.test("whatever a file holds, it is read, or told what is wrong in lines that are in it", () => {
  const random = new Random(33);
  const good = keysOf(SERVE_OPTIONS).map((option) => written(option).line);
  const alphabet = "\"'[]{}=#\n\r\\,. \tabtrue0u\u0000\u001b\u00a0\u2028é😀";
  for (let i = 0; i < 5000; i++) {
    const lines = Array.from({ length: random.integer(1, 4) }, () => random.pick(good));
    const text = random.garble(lines.join("\n"), alphabet);
    const { complaints, options } = readConfigFile(SERVE_OPTIONS, text, "f");
    const last = text.split("\n").length;
    for (const complaint of complaints) {
      assert(complaint.line >= 1 && complaint.line <= last, text);
      assertMatch(complaint.text, /^\P{Cc}{1,200}$/u);
    }
    for (const value of [...options.values()].flat()) assertMatch(value, /^\P{Cc}+$/u);
  }
});
