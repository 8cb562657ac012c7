import { assert, assertEquals } from "@std/assert";
import { drawChart } from "../../../scripts/bench/chart.ts";
import { makeReport, type Report, type Samples } from "../../../scripts/bench/report.ts";

function report(samples: Samples): Report {
  const circumstances = {
    command: "deno task bench",
    date: "2026-02-03T04:05:06.000Z",
    machine: { cpu: "Z80", cores: 1, kernel: "6.1 z80", congestion: "cubic", deno: "2.9.6" },
    programs: "source",
    impairment: undefined,
    congestion: { tunnel: undefined, flows: undefined },
    versions: {},
    rounds: 1,
    seconds: 1,
    missing: [],
    failures: [],
  };
  return makeReport(circumstances, [], "veth", samples);
}

const SAMPLES: Samples = new Map([
  ["veth", new Map([["tcp1_up", [20]], ["tcp1_down", [10]], ["ping_idle", [0.1]]])],
  ["simplevpn", new Map([["tcp1_up", [8]], ["tcp1_down", [1]], ["cpu_up", [3]]])],
  ["a < b & c", new Map([["tcp1_up", [2]], ["ping_idle", [0.7]]])],
]);

/** Width and color of each bar of full height, without those of the legend. */
function bars(svg: string): { x: number; width: number; color: string }[] {
  const all = [
    ...svg.matchAll(/<rect x="(\S+)" y="\S+" width="(\S+)" height="9" fill="(\S+)"\/>/g),
  ];
  return all.slice(2).map(([, x, width, color]) => ({
    x: Number(x),
    width: Number(width),
    color: color!,
  }));
}

/** All words of a chart. */
function words(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);
}

Deno.test("drawChart() draws bars as long as their values, the longest of a panel at full length", () => {
  const drawn = bars(drawChart(report(SAMPLES)));
  const [up, down, other, cpu, ping, ...more] = drawn;
  assertEquals(more, []);
  // 0.4, 0.1 and 0.1 of veth.
  assertEquals([up, down, other].map((bar) => bar!.width / up!.width), [1, 0.25, 0.25]);
  assertEquals([cpu!.width, ping!.width], [up!.width, up!.width]);
  assertEquals([up!.color === other!.color, up!.color === down!.color], [true, false]);
  assert(up!.x === other!.x && up!.x < cpu!.x && cpu!.x < ping!.x);
});

Deno.test("drawChart() labels subjects but the base, and values, in escaped words", () => {
  const said = words(drawChart(report(SAMPLES)));
  assertEquals(said.filter((text) => /^(simple|veth$|a )/.test(text)), [
    "simplevpn",
    "a &lt; b &amp; c",
  ]);
  assertEquals(said.filter((text) => /^\d/.test(text)), [
    "0.400",
    "0.100",
    "0.100",
    "3.00",
    "0.700",
  ]);
});

Deno.test("drawChart() draws no bars without the base that they are parts of", () => {
  const samples: Samples = new Map([["simplevpn", new Map([["tcp1_up", [8]]])]]);
  assertEquals(bars(drawChart(report(samples))), []);
});

Deno.test("drawChart() is high enough for all rows", () => {
  const height = (svg: string) => Number(svg.match(/viewBox="0 0 \d+ (\d+)"/)![1]);
  const more: Samples = new Map([...SAMPLES, ["one more", new Map()]]);
  const row = height(drawChart(report(more))) - height(drawChart(report(SAMPLES)));
  assertEquals(row, 30);
});
