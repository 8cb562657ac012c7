import { assertEquals } from "@std/assert";
import { parse } from "@std/toml/parse";
import { type Statement, statementsOf } from "../../../lib/config/toml_statements.ts";
import { Random } from "../../random.ts";
import { orSyntaxError } from "../or_error.ts";

function split(...lines: string[]): [line: number, text: string, assignments: number][] {
  return [...statementsOf(lines.join("\n"))].map((it) => [it.line, it.text, it.assignments]);
}

Deno.test("a statement begins where its line begins, and goes on where its list or string does", () => {
  assertEquals(
    split(
      "# a = 1",
      "",
      "a = 1 # b = 2",
      "  b = [ # c = [",
      '  "]", # ]',
      "  ']', [3],",
      "]",
      'c = """',
      '# d = 1 \\""" \\',
      '""""',
      "d = '''",
      'e = """\\',
      "''''",
      "[t]\r",
      'f = "\\"#\\\\" g = 1',
    ),
    [
      [3, "a = 1 # b = 2", 1],
      [4, "  b = [ # c = [\n  \"]\", # ]\n  ']', [3],\n]", 1],
      [8, 'c = """\n# d = 1 \\""" \\\n""""', 1],
      [11, "d = '''\ne = \"\"\"\\\n''''", 1],
      [14, "[t]\r", 0],
      [15, 'f = "\\"#\\\\" g = 1', 2],
    ],
  );
});

Deno.test("what is not closed ends with its line if it can, else with the document", () => {
  assertEquals(split('a = "x', "b = 'y", "c = 1 ]", "d = 2").map(([line]) => line), [1, 2, 3, 4]);
  for (const open of ['"""', "'''", "["]) {
    assertEquals(split("a = 1", `b = ${open}`, "c = 1").map(([line]) => line), [1, 2]);
  }
  assertEquals([split(), split(""), split("\n\r\n # x")], [[], [], []]);
});

/** Values of one or more lines, as somebody might write them. */
const VALUES = [
  ...[
    "1",
    "true",
    "1.5",
    "2026-01-01",
    '""',
    "''",
    "[]",
    '"#"',
    "'\"'",
    '"\\""',
    '"\\\\"',
    "[[1], [2]]",
  ],
  ...[
    '"""\n#\n"""',
    "'''\n=\n'''",
    '["a", # ]\n "b",\n]',
    "[\n[\n],\n]",
    '"""a""""',
    '"""\\"""\n"""',
  ],
];

Deno.test("of documents made of statements, the statements come back with their lines", () => {
  const random = new Random(31);
  for (let i = 0; i < 2000; i++) {
    const expected: Statement[] = [];
    let [document, line] = ["", 1];
    for (let count = random.integer(0, 6); count > 0; count--) {
      const idle = random.pick(["", "\n", "# x = 1\n", " \t\n\n", "# '''\n"]);
      const comment = random.pick(["", " # y", '#"""']);
      const text = `${random.pick(["", "  "])}k${count} = ${random.pick(VALUES)}${comment}`;
      line += linesOf(idle);
      expected.push({ line, text, assignments: 1 });
      line += linesOf(text) + 1;
      document += `${idle}${text}\n`;
    }
    assertEquals([...statementsOf(document)], expected, document);
    // One by one they say what they say together.
    const whole = Object.entries(parse(document));
    assertEquals(expected.flatMap(({ text }) => Object.entries(parse(text))), whole, document);
  }
});

/** The slow and simple way: after each line, is what there is since the last statement one by now? */
function naiveLines(document: string): number[] {
  const [begins, lines]: [number[], string[]] = [[], document.split("\n")];
  for (let at = 0; at < lines.length;) {
    let end = at + 1;
    while (
      end < lines.length &&
      orSyntaxError(() => parse(lines.slice(at, end).join("\n"))) === undefined
    ) {
      end++;
    }
    if (Object.keys(parse(lines.slice(at, end).join("\n"))).length > 0) begins.push(at + 1);
    at = end;
  }
  return begins;
}

Deno.test("of documents that are TOML, statements begin where a naive model says", () => {
  const random = new Random(32);
  const pieces = [
    ...[
      "a = ",
      "b=",
      "1",
      "true",
      "[",
      "]",
      ",",
      '"',
      "'",
      '"""',
      "'''",
      "\\",
      "#",
      "\n",
      "\n",
      " ",
    ],
    ...['"x"', "[t]\n", "c = 1\n", '"""\n', "'''\n", "]\n"],
  ];
  let valid = 0;
  for (let i = 0; i < 200_000; i++) {
    const document = Array.from({ length: random.integer(1, 9) }, () => random.pick(pieces)).join(
      "",
    );
    const statements = [...statementsOf(document)];
    // Nothing is lost, whatever it is.
    for (const { line, text } of statements) {
      assertEquals(
        document.split("\n").slice(line - 1).join("\n").startsWith(text),
        true,
        document,
      );
    }
    if (orSyntaxError(() => parse(document)) === undefined) continue;
    if (statements.some(({ assignments }) => assignments > 1)) continue;
    valid++;
    assertEquals(
      statements.map(({ line }) => line),
      naiveLines(document),
      JSON.stringify(document),
    );
  }
  assertEquals(valid > 2000, true, `${valid}`);
});

function linesOf(text: string): number {
  return text.split("\n").length - 1;
}
