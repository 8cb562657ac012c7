import type { Impairment } from "../impaired_link.ts";
import type { Congestion } from "./options.ts";
import { formatTable } from "./table.ts";
import { summarize, type Summary } from "./statistics.ts";

/** Something that is measured, as a number. */
export interface Metric {
  /** Its key in JSON. */
  name: string;
  /** The heading of the table that it is in. */
  table: string;
  /** What it is called there. */
  title: string;
  unit: string;
}

/** The machine that was measured on. */
export interface MachineDescription {
  /** The processor's name. */
  cpu: string;
  cores: number;
  /** Release and architecture. */
  kernel: string;
  /** TCP congestion control. */
  congestion: string;
  /** Version that runs the bench, and the programs if they run from source. */
  deno: string;
}

/** A subject that is not installed. */
export interface Missing {
  subject: string;
  /** The command that installs it. */
  install: string;
}

/** Something that did not work, and was left out from then on. */
export interface Failure {
  subject: string;
  /** "start", after which nothing could be measured, or the name of a probe. */
  what: string;
  reason: string;
}

/** How it was measured. */
export interface Circumstances {
  /** The command line. */
  command: string;
  /** When it ended, ISO 8601. */
  date: string;
  machine: MachineDescription;
  /** "source" or "compiled". */
  programs: string;
  /** What was wrong with the cable, if anything was. */
  impairment: Impairment | undefined;
  /** Where TCP's congestion control was not the machine's. */
  congestion: Congestion;
  /** Versions of other VPNs, by subject, where they are known. */
  versions: Record<string, string>;
  rounds: number;
  /** Length of each flow. */
  seconds: number;
  missing: Missing[];
  failures: Failure[];
}

/** What `--json` prints. Fields may be added; those here keep their meaning while `format` is 1. */
export interface Report extends Circumstances {
  format: 1;
  /** In the order of the tables. */
  metrics: Metric[];
  /** The subject that ratios are relative to. */
  base: string;
  /** By subject and metric; a metric that a subject does not have is left out. */
  results: Record<string, Record<string, Summary>>;
}

/** Samples by subject and metric. */
export type Samples = Map<string, Map<string, number[]>>;

/** Sums up what was measured. */
export function makeReport(
  circumstances: Circumstances,
  metrics: readonly Metric[],
  base: string,
  samples: Samples,
): Report {
  const results = [...samples].map(([subject, ofSubject]) => {
    const summaries = [...ofSubject].map(([metric, numbers]) => {
      return [metric, summarize(numbers, samples.get(base)?.get(metric))];
    });
    return [subject, Object.fromEntries(summaries)];
  });
  return {
    format: 1,
    ...circumstances,
    metrics: metrics.filter(({ name }) => [...samples.values()].some((taken) => taken.has(name))),
    base,
    results: Object.fromEntries(results),
  };
}

/** A report for people, in Markdown: a row per subject. */
export function formatReport(report: Report): string {
  const { versions, missing, failures } = report;
  const tables = Map.groupBy(report.metrics, ({ table }) => table);
  const programs = Object.entries(versions).map(([subject, version]) => `${subject} ${version}`);
  const notes = [
    ...programs.length === 0 ? [] : [`Versions: ${programs.join(", ")}.`],
    ...missing.map(({ subject, install }) => `${subject} is not installed: \`${install}\`.`),
    ...failures.map(({ subject, what, reason }) => `${subject} failed (${what}): ${reason}`),
  ];
  return [
    formatCircumstances(report),
    ...[...tables].map(([title, metrics]) => `${title}:\n\n${formatMetrics(report, metrics)}`),
    ...notes.length === 0
      ? []
      : [notes.map((note) => `- ${note.replaceAll("\n", "\n  ")}`).join("\n")],
  ].join("\n\n");
}

function formatCircumstances(report: Report): string {
  const { machine, rounds, base } = report;
  return `\`${report.command}\`, ${report.date.slice(0, 10)}: ${machine.cpu}, ${
    plural(machine.cores, "core")
  }, ` +
    `Linux ${machine.kernel}, TCP ${machine.congestion}${
      describeCongestion(report)
    }, Deno ${machine.deno}, ` +
    `programs ${report.programs === "source" ? "from source" : report.programs}. ` +
    `${describeImpairment(report)}` +
    `Medians of ${plural(rounds, "round")}, flows of ${report.seconds} s; ` +
    `in parentheses, as a multiple of ${base}'s.`;
}

function describeCongestion({ congestion: { tunnel, flows } }: Report): string {
  const others = [tunnel && `simplevpn's own ${tunnel}`, flows && `the flows' ${flows}`];
  return others.filter(Boolean).map((other) => `, ${other}`).join("");
}

function describeImpairment({ impairment }: Report): string {
  if (impairment === undefined) return "";
  const { roundTrip, loss } = impairment;
  return `The cable's round trip is ${roundTrip} ms, and ${loss} % of the packets are lost each way. `;
}

function formatMetrics({ base, results }: Report, metrics: readonly Metric[]): string {
  const header = ["", ...metrics.map(({ title, unit }) => `${title}, ${unit}`)];
  const rows = Object.entries(results).map(([subject, summaries]) => {
    const cells = metrics.map(({ name }) => cell(summaries[name], subject !== base));
    return [subject, ...cells];
  });
  return formatTable(header, rows.filter(([, ...cells]) => cells.some((text) => text !== "")), 1);
}

function cell(summary: Summary | undefined, withRatio: boolean): string {
  if (summary === undefined) return "";
  const { median, ratio } = summary;
  const suffix = withRatio && ratio !== null ? ` (${formatNumber(ratio)})` : "";
  return `${formatNumber(median)}${suffix}`;
}

/** Three digits that count, more where they are before the point, two of what is less than 0.01. */
export function formatNumber(number: number): string {
  const size = Math.abs(number);
  if (size > 0 && size < 0.01) return number.toPrecision(2);
  return number.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
