import { BenchLab } from "./bench_lab.ts";
import { describeMachine } from "./machine_description.ts";
import type { Options } from "./options.ts";
import { Progress } from "./progress.ts";
import { makeReport, type Report, type Samples } from "./report.ts";
import { orderOfRound } from "./statistics.ts";
import type { Subject } from "./subject.ts";
import { BASE } from "./subjects.ts";

/** The whole bench, from the lab's opening to its end. */
export class BenchRun {
  readonly #options: Options;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #samples: Samples = new Map();

  constructor(options: Options, signal: AbortSignal) {
    const { rounds, subjects, probes } = options;
    this.#options = options;
    this.#signal = signal;
    this.#progress = new Progress(rounds * subjects.length * (probes.length + 1));
    for (const { name } of subjects) this.#samples.set(name, new Map());
  }

  /**
   * @param command the command line, for the report
   * @throws {Error} if something fails, or when it is interrupted
   */
  async run(command: string): Promise<Report> {
    const { rounds, seconds, subjects, probes, programs } = this.#options;
    try {
      await using lab = await BenchLab.open({ programs, signal: this.#signal });
      for (let round = 0; round < rounds; round++) {
        for (const subject of orderOfRound(subjects, round)) {
          await this.#measure(lab, subject, `round ${round + 1} of ${rounds}, ${subject.name}`);
        }
      }
    } finally {
      this.#progress.clear();
    }
    return makeReport(
      {
        command,
        date: new Date().toISOString(),
        machine: describeMachine(),
        programs,
        rounds,
        seconds,
      },
      probes.flatMap(({ metrics }) => metrics),
      BASE.name,
      this.#samples,
    );
  }

  async #measure(lab: BenchLab, subject: Subject, title: string): Promise<void> {
    const { probes, seconds } = this.#options;
    const samples = this.#samples.get(subject.name)!;
    this.#progress.next(`${title}: starting`);
    const running = await subject.start(lab);
    for (const probe of probes) {
      this.#progress.next(`${title}: ${probe.name}`);
      const numbers = await probe.run({ lab, subject: running, seconds });
      for (const [metric, number] of Object.entries(numbers)) {
        samples.set(metric, [...samples.get(metric) ?? [], number]);
      }
    }
    await running.stop();
  }
}
