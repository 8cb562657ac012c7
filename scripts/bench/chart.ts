import { formatNumber, type Report } from "./report.ts";

/** One column of bars. */
interface Panel {
  title: string;
  /** Metrics of one unit, a bar of each subject for each. */
  metrics: readonly string[];
  of: "ratio" | "median";
}

const PANELS: readonly Panel[] = [
  { title: "TCP throughput (veth = 1)", metrics: ["tcp1_up", "tcp1_down"], of: "ratio" },
  { title: "CPU of both programs, s/GB", metrics: ["cpu_up", "cpu_down"], of: "median" },
  { title: "Ping, idle, ms", metrics: ["ping_idle"], of: "median" },
];

/** Pixels. */
const LABELS = 160;
const BARS = 170;
const VALUES = 50;
const GAP = 20;
const BAR = 10;
const ROW = 30;
const TOP = 56;

/** Of middling lightness, so that they stand out from a light background and a dark one. */
const TEXT = "#7d8590";
const COLORS = ["#3b82d6", "#d97a2b"];

/** Draws a report as SVG: horizontal bars by subject. The base is left out: it is what others are parts of. */
export function drawChart(report: Report): string {
  const subjects = Object.keys(report.results).filter((name) => name !== report.base);
  const width = LABELS + PANELS.length * (BARS + VALUES) + (PANELS.length - 1) * GAP;
  const height = TOP + subjects.length * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" font-family="sans-serif" font-size="12" fill="${TEXT}">`,
    ...drawLegend(),
    ...subjects.map((name, i) => text(LABELS - 10, middle(i), name, "end")),
    ...PANELS.flatMap((panel, i) => {
      return drawPanel(report, subjects, panel, LABELS + i * (BARS + VALUES + GAP));
    }),
    "</svg>",
    "",
  ].join("\n");
}

function drawLegend(): string[] {
  return ["up", "down"].flatMap((way, i) => [
    rectangle(LABELS + i * 60, 4, BAR, COLORS[i]!),
    text(LABELS + i * 60 + BAR + 5, 4 + BAR / 2, way),
  ]);
}

function drawPanel(
  { results }: Report,
  subjects: readonly string[],
  { title, metrics, of }: Panel,
  left: number,
): string[] {
  const bars = subjects.flatMap((subject, row) => {
    return metrics.flatMap((metric, i) => {
      const value = results[subject]?.[metric]?.[of] ?? undefined;
      return value === undefined
        ? []
        : [{ value, top: middle(row) + (i - metrics.length / 2) * BAR, color: COLORS[i]! }];
    });
  });
  const longest = Math.max(...bars.map(({ value }) => value));
  return [
    text(left, TOP - 18, title),
    ...bars.flatMap(({ value, top, color }) => {
      const length = BARS * (longest > 0 ? value / longest : 0);
      return [
        rectangle(left, top, length, color),
        text(left + length + 5, top + BAR / 2, formatNumber(value)),
      ];
    }),
  ];
}

function middle(row: number): number {
  return TOP + (row + 0.5) * ROW;
}

function rectangle(x: number, y: number, width: number, color: string): string {
  return `<rect x="${x}" y="${y}" width="${width.toFixed(1)}" height="${
    BAR - 1
  }" fill="${color}"/>`;
}

/** @param y its middle */
function text(x: number, y: number, words: string, anchor = "start"): string {
  const attributes = `x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}"`;
  return `<text ${attributes} dominant-baseline="central">${escape(words)}</text>`;
}

function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
