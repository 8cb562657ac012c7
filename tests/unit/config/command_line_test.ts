import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Option, readArguments, UsageError } from "../../../lib/config/command_line.ts";
import { Random } from "../../random.ts";
import { orError } from "../or_error.ts";

const TABLE: readonly Option[] = [
  { name: "server", short: "s", value: "HOST", help: "the server" },
  { name: "port", short: "p", value: "PORT", help: "the server's port" },
  { name: "mtu", value: "BYTES", help: "the MTU" },
  { name: "udp", short: "u", help: "use UDP" },
  { name: "route", short: "r", value: "CIDR", repeats: true, help: "a network (repeatable)" },
  { name: "json-logs", help: "log as JSON" },
  { name: "help", short: "h", help: "show this help" },
];

interface Read {
  options: Record<string, readonly string[]>;
  operands: readonly string[];
}

function read(...args: string[]): Read {
  const { options, operands } = readArguments(TABLE, args);
  return { options: Object.fromEntries(options), operands };
}

/** What arguments mean by the rules of getopt(3), an argument at a time; undefined if nothing. */
function model(args: readonly string[]): Read | undefined {
  const words = [...args];
  const options: Record<string, string[]> = {};
  const operands: string[] = [];
  const take = (option: Option | undefined, attached: string | undefined): boolean => {
    if (option === undefined || (option.name in options && !option.repeats)) return false;
    const next = /^-./s.test(words[0] ?? "") ? undefined : words[0];
    const value = option.value ? attached ?? (next !== undefined && words.shift()) : "true";
    if (value) (options[option.name] ??= []).push(value);
    return Boolean(value) && (option.value !== undefined || attached === undefined);
  };
  while (words.length > 0) {
    const word = words.shift()!;
    if (word === "--") return { options, operands: [...operands, ...words] };
    if (word.startsWith("--")) {
      const [name, ...value] = word.slice(2).split("=");
      const attached = value.length > 0 ? value.join("=") : undefined;
      if (!take(TABLE.find((option) => option.name === name), attached)) return undefined;
    } else if (word.startsWith("-") && word !== "-") {
      for (let letters = word.slice(1); letters !== "";) {
        const option = TABLE.find(({ short }) => short === letters[0]);
        letters = letters.slice(1);
        const attached = option?.value && letters !== "" ? letters.replace(/^=/, "") : undefined;
        if (!take(option, attached)) return undefined;
        if (attached !== undefined) letters = "";
      }
    } else {
      operands.push(word);
    }
  }
  return { options, operands };
}

Deno.test("readArguments() reads options in each way that they can be written", () => {
  const expected = {
    options: { server: ["vpn.example"], port: ["2003"], udp: ["true"] },
    operands: [],
  };
  const lines: string[][] = [
    ["-s", "vpn.example", "-p", "2003", "-u"],
    ["-svpn.example", "-up2003"],
    ["-us=vpn.example", "-p=2003"],
    ["--udp", "--server", "vpn.example", "--port", "2003"],
    ["--port=2003", "-us", "vpn.example"],
  ];
  for (const line of lines) assertEquals(read(...line), expected, line.join(" "));
});

Deno.test("readArguments() leaves operands as they are, and everything behind --", () => {
  assertEquals(read("007", "-u", "1e3", "", "-", "--", "-p", "--json-logs=1", "--"), {
    options: { udp: ["true"] },
    operands: ["007", "1e3", "", "-", "-p", "--json-logs=1", "--"],
  });
});

Deno.test("readArguments() keeps a value as it is written", () => {
  for (const value of ["a=b", "-1", "--", "true", " ", "\n", "0x10", "08"]) {
    assertEquals(read(`--server=${value}`).options, { server: [value] });
    assertEquals(read(`-s${value}`).options, { server: [value] });
  }
});

Deno.test("readArguments() throws UsageError that says what is wrong", () => {
  const lines: [string[], string][] = [
    [["--prot", "1"], 'Unknown option "--prot"'],
    [["--prot=1"], 'Unknown option "--prot=1": did you mean "--port"?'],
    [["-x"], 'Unknown option "-x"'],
    [["-ux"], 'Unknown option "-ux"'],
    [["--=1"], "Unknown option"],
    [["--_=1"], "Unknown option"],
    [["-_"], "Unknown option"],
    [["--no-udp"], "Unknown option"],
    [["--__proto__=1"], "Unknown option"],
    [["--port.x=1"], "Unknown option"],
    [["--port"], "--port needs a value: PORT"],
    [["--port", "--udp"], "--port needs a value"],
    [["--port="], "--port needs a value"],
    [["--port", ""], "--port needs a value"],
    [["-p"], "--port needs a value"],
    [["-p="], "--port needs a value"],
    [["--udp=false"], "--udp takes no value"],
    [["-u=1"], "Unknown option"],
    [["--port", "1", "-p2"], "--port is given more than once"],
    [["-uu"], "--udp is given more than once"],
    [["--route", "10.0.0.0/8", "--route="], "--route needs a value: CIDR"],
  ];
  for (const [line, message] of lines) assertThrows(() => read(...line), UsageError, message);
});

Deno.test("readArguments() keeps all values of an option that may repeat, in their order", () => {
  assertEquals(read("--route=b", "-p1", "-ra", "x", "--route", "b"), {
    options: { port: ["1"], route: ["b", "a", "b"] },
    operands: ["x"],
  });
});

Deno.test("readArguments() takes what follows a switch for an operand, whatever it says", () => {
  for (const word of ["true", "false", "1"]) {
    assertEquals(read("--json-logs", word), {
      options: { "json-logs": ["true"] },
      operands: [word],
    });
    assertEquals(read("-u", word), { options: { udp: ["true"] }, operands: [word] });
  }
});

Deno.test("readArguments() agrees with a naive model about any command line", () => {
  const random = new Random(25);
  const words = [
    ..."-s|-p|-u|-h|-us|-up|-up2002|-p2002|-p=2002|-us=a|-sx=a|-s-|-x|-_|-.|-1|-p.5".split("|"),
    ..."--server|--server=a=b|--port|--port=1|--port=|--mtu|--udp|--udp=|--udp=true".split("|"),
    ..."--route|--route=a|-r|-rb|--json-logs|--help|--x|--_|--_=1|--=|--no-udp|--port.x|--constructor"
      .split("|"),
    ..."|a|host|2002|1e3|true|false|-|--|---|---a|=|\n|--port=\n".split("|"),
  ];
  let understood = 0;
  for (let i = 0; i < 50_000; i++) {
    const line = Array.from({ length: random.integer(0, 5) }, () => random.pick(words));
    const result = orError(UsageError, () => read(...line));
    assertEquals(result, model(line), JSON.stringify(line));
    if (result !== undefined) understood++;
  }
  assert(understood > 5_000 && understood < 45_000, `${understood} lines were understood`);
});
