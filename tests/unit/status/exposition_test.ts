import { assert, assertEquals } from "@std/assert";
import { formatMetrics, type MetricFamily, type Sample } from "../../../lib/status/exposition.ts";
import { Random } from "../../random.ts";

/** Reads one line of a metric by the format's own words, character by character. */
function parseSample(line: string): [name: string, labels: Record<string, string>, value: number] {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)![0];
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === "{") {
    for (at++; line[at] !== "}";) {
      const label = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(line.slice(at))![0];
      at += label.length;
      assertEquals(line.slice(at, at + 2), '="');
      let value = "";
      for (at += 2; line[at] !== '"'; at++) {
        if (line[at] !== "\\") value += line[at];
        else value += { "\\": "\\", n: "\n", '"': '"' }[line[++at]!]!;
      }
      labels[label] = value;
      if (line[++at] === ",") at++;
    }
    at++;
  }
  assertEquals(line[at], " ");
  const text = line.slice(at + 1);
  return [name, labels, text.endsWith("Inf") ? Number(`${text}inity`) : Number(text)];
}

/** The samples of a text, all of one family. */
function parse(text: string): Sample[] {
  assert(text.endsWith("\n"));
  const lines = text.slice(0, -1).split("\n").filter((line) => !line.startsWith("#"));
  return lines.map(parseSample).map(([_, labels, value]) => [labels, value]);
}

function family(samples: readonly Sample[]): MetricFamily {
  return { name: "a_metric", type: "gauge", help: "Some\\thing\nelse.", samples };
}

Deno.test("metrics are written as Prometheus reads them", () => {
  const text = formatMetrics([
    family([[{}, 1], [{ peer: "pi", path: "tcp" }, 0.25]]),
    { name: "b_total", type: "counter", help: "None of these.", samples: [] },
    { name: "c_total", type: "counter", help: 'A "count".', samples: [[{ a: "b" }, 2 ** 53]] },
  ]);
  assertEquals(
    text,
    String.raw`# HELP a_metric Some\\thing\nelse.
# TYPE a_metric gauge
a_metric 1
a_metric{peer="pi",path="tcp"} 0.25
# HELP c_total A "count".
# TYPE c_total counter
c_total{a="b"} 9007199254740992
`,
  );
});

Deno.test("labels of any characters are read back as they were", () => {
  const random = new Random(7);
  const alphabet = [
    "\\",
    "n",
    '"',
    "\n",
    "{",
    "}",
    ",",
    "=",
    " ",
    "é",
    "\u{1f600}",
    "a",
    "\t",
    "#",
  ];
  for (let i = 0; i < 2_000; i++) {
    const text = (): string =>
      Array.from({ length: random.integer(0, 8) }, () => random.pick(alphabet)).join("");
    const samples: Sample[] = [
      [{ peer: text(), path: text() }, random.integer(0, 2 ** 31)],
      [{ peer: text() }, random.pick([0, -1.5, 1e21, 1e-9, Infinity, -Infinity])],
    ];
    assertEquals(parse(formatMetrics([family(samples)])), samples);
  }
});

Deno.test("a label has no lone surrogate, which could not be written as UTF-8", () => {
  assertEquals(parse(formatMetrics([family([[{ a: "\ud800x" }, 1]])])), [[{ a: "\ufffdx" }, 1]]);
});
