import { formatTable } from "./table.ts";
import { summarize, type Summary } from "./statistics.ts";

/** Something that is measured, as a number. */
export interface Metric {
  /** Its key in JSON. */
  name: string;
  /** What it is called in the table. */
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

/** How it was measured. */
export interface Circumstances {
  /** The command line. */
  command: string;
  /** When it ended, ISO 8601. */
  date: string;
  machine: MachineDescription;
  /** "source" or "compiled". */
  programs: string;
  rounds: number;
  /** Length of each flow. */
  seconds: number;
}

/** What `--json` prints. Fields may be added; those here keep their meaning while `format` is 1. */
export interface Report extends Circumstances {
  format: 1;
  /** In the order of the table. */
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

/** A report for people, in Markdown. */
export function formatReport(report: Report): string {
  const { machine, rounds } = report;
  return [
    `\`${report.command}\`, ${report.date.slice(0, 10)}: ${machine.cpu}, ${
      plural(machine.cores, "core")
    }, ` +
    `Linux ${machine.kernel}, TCP ${machine.congestion}, Deno ${machine.deno}, ` +
    `programs ${report.programs === "source" ? "from source" : report.programs}. ` +
    `Medians of ${plural(rounds, "round")}, flows of ${report.seconds} s.`,
    "",
    formatTable(header(report), report.metrics.map((metric) => row(report, metric)), 2),
  ].join("\n");
}

function header({ base, results }: Report): string[] {
  const columns = Object.keys(results).flatMap((subject) => {
    return subject === base ? [subject] : [subject, `of ${base}`];
  });
  return ["", "unit", ...columns];
}

function row({ base, results }: Report, { name, title, unit }: Metric): string[] {
  const cells = Object.entries(results).flatMap(([subject, summaries]) => {
    const { median, ratio } = summaries[name] ?? { median: undefined, ratio: null };
    const value = median === undefined ? "" : formatNumber(median);
    return subject === base ? [value] : [value, ratio === null ? "" : `× ${formatNumber(ratio)}`];
  });
  return [title, unit, ...cells];
}

/** Three digits that count, more where they are before the point. */
export function formatNumber(number: number): string {
  const size = Math.abs(number);
  return number.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
