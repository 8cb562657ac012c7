import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Circumstances,
  formatNumber,
  formatReport,
  makeReport,
  type Metric,
  type Samples,
} from "../../../scripts/bench/report.ts";
import { formatTable } from "../../../scripts/bench/table.ts";

const CIRCUMSTANCES: Circumstances = {
  command: "deno task bench --rounds 3",
  date: "2026-02-03T04:05:06.000Z",
  machine: { cpu: "Z80", cores: 1, kernel: "6.1 z80", congestion: "cubic", deno: "2.9.6" },
  programs: "source",
  impairment: undefined,
  congestion: { tunnel: undefined, flows: undefined },
  versions: {},
  rounds: 3,
  seconds: 2,
  missing: [],
  failures: [],
};

const METRICS: Metric[] = [
  { name: "speed", table: "Throughput", title: "speed", unit: "Gbit/s" },
  { name: "loss", table: "Cost", title: "loss", unit: "%" },
  { name: "memory", table: "Cost", title: "memory", unit: "MB" },
  { name: "unused", table: "Cost", title: "unused", unit: "m" },
];

const SAMPLES: Samples = new Map([
  ["veth", new Map([["speed", [20, 40, 30]], ["loss", [0, 0, 0]]])],
  ["classic", new Map([["speed", [1, 4, 3]], ["loss", [0, 5, 2]], ["memory", [80, 90, 85]]])],
]);

Deno.test("makeReport() sums up each subject's samples against the base", () => {
  const { results, base, format } = makeReport(CIRCUMSTANCES, METRICS, "veth", SAMPLES);
  assertEquals({ base, format }, { base: "veth", format: 1 });
  assertEquals(results, {
    veth: {
      speed: { median: 30, ratio: 1, samples: [20, 40, 30] },
      loss: { median: 0, ratio: null, samples: [0, 0, 0] },
    },
    classic: {
      speed: { median: 3, ratio: 0.1, samples: [1, 4, 3] },
      loss: { median: 2, ratio: null, samples: [0, 5, 2] },
      memory: { median: 85, ratio: null, samples: [80, 90, 85] },
    },
  });
});

Deno.test("makeReport() leaves out metrics that were not measured", () => {
  const { metrics } = makeReport(CIRCUMSTANCES, METRICS, "veth", SAMPLES);
  assertEquals(metrics.map(({ name }) => name), ["speed", "loss", "memory"]);
});

Deno.test("makeReport() gives no ratios when the base was not measured", () => {
  const tunnelOnly: Samples = new Map([["classic", SAMPLES.get("classic")!]]);
  const { results } = makeReport(CIRCUMSTANCES, METRICS, "veth", tunnelOnly);
  assertEquals(Object.values(results.classic!).map(({ ratio }) => ratio), [null, null, null]);
});

Deno.test("formatReport() shows circumstances, and medians and ratios in a row per subject", () => {
  const text = formatReport(makeReport(CIRCUMSTANCES, METRICS, "veth", SAMPLES));
  assertEquals(text.split("\n").slice(2), [
    "Throughput:",
    "",
    "|         | speed, Gbit/s |",
    "| ------- | ------------: |",
    "| veth    |          30.0 |",
    "| classic |  3.00 (0.100) |",
    "",
    "Cost:",
    "",
    "|         | loss, % | memory, MB |",
    "| ------- | ------: | ---------: |",
    "| veth    |   0.000 |            |",
    "| classic |    2.00 |       85.0 |",
  ]);
  assertStringIncludes(text, "`deno task bench --rounds 3`, 2026-02-03: Z80, 1 core, Linux 6.1");
  assertStringIncludes(text, "programs from source. Medians of 3 rounds, flows of 2 s; in paren");
});

Deno.test("formatReport() tells where the congestion control is not the machine's", () => {
  const congestion = { tunnel: "reno", flows: "bbr" };
  const text = formatReport(
    makeReport({ ...CIRCUMSTANCES, congestion }, METRICS, "veth", SAMPLES),
  );
  assertStringIncludes(text, "TCP cubic, simplevpn's own reno, the flows' bbr, Deno");
});

Deno.test("formatReport() has no row for a subject with nothing in a table", () => {
  const samples: Samples = new Map([...SAMPLES, ["broken", new Map()]]);
  const text = formatReport(makeReport(CIRCUMSTANCES, METRICS, "veth", samples));
  assertEquals(text.includes("broken"), false);
});

Deno.test("formatReport() tells versions, what is not installed, and what failed", () => {
  const circumstances: Circumstances = {
    ...CIRCUMSTANCES,
    versions: { classic: "1.2", other: "3" },
    missing: [{ subject: "tinc", install: "apt-get install tinc" }],
    failures: [{ subject: "fastd", what: "start", reason: "It ended:\nno TUN device" }],
  };
  const text = formatReport(makeReport(circumstances, METRICS, "veth", SAMPLES));
  assertEquals(text.split("\n").slice(-4), [
    "- Versions: classic 1.2, other 3.",
    "- tinc is not installed: `apt-get install tinc`.",
    "- fastd failed (start): It ended:",
    "  no TUN device",
  ]);
});

Deno.test("formatNumber() keeps three digits, all that are before the point, and two of little", () => {
  const texts = [0, 0.00091, 0.0356, 0.5, 9.876, 98.76, 987.6, 271588].map(formatNumber);
  assertEquals(texts, ["0.000", "0.00091", "0.036", "0.500", "9.88", "98.8", "988", "271588"]);
});

Deno.test("formatTable() aligns words to the left, numbers to the right, and Markdown so", () => {
  assertEquals(formatTable(["name", "n"], [["a", "12345"], ["bcdef", "1"]], 1).split("\n"), [
    "| name  |     n |",
    "| ----- | ----: |",
    "| a     | 12345 |",
    "| bcdef |     1 |",
  ]);
});
