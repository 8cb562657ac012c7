import { BenchLab } from "./bench_lab.ts";
import { describeMachine } from "./machine_description.ts";
import type { Options } from "./options.ts";
import type { Probe } from "./probes.ts";
import { Progress } from "./progress.ts";
import { type Failure, makeReport, type Missing, type Report, type Samples } from "./report.ts";
import { orderOfRound } from "./statistics.ts";
import type { Running, Subject } from "./subject.ts";
import { BASE } from "./subjects.ts";
import { versionsOf } from "./versions.ts";

/** The whole bench, from the lab's opening to its end. */
export class BenchRun {
  readonly #options: Options;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #samples: Samples = new Map();
  readonly #failures: Failure[] = [];

  constructor(options: Options, signal: AbortSignal) {
    const { rounds, subjects, probes } = options;
    this.#options = options;
    this.#signal = signal;
    this.#progress = new Progress(rounds * subjects.length * (probes.length + 1));
    for (const { name } of subjects) this.#samples.set(name, new Map());
  }

  /**
   * Whatever fails of a subject is left out from then on, and reported.
   *
   * @param command the command line, for the report
   * @param missing the subjects that cannot be measured here, for the report
   * @throws {Error} if there is no lab, or when it is interrupted
   */
  async run(command: string, missing: readonly Missing[]): Promise<Report> {
    const { rounds, seconds, subjects, probes, programs, impairment, congestion } = this.#options;
    try {
      await using lab = await BenchLab.open({
        programs,
        impairment,
        congestion,
        signal: this.#signal,
      });
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
        impairment,
        congestion,
        versions: await versionsOf(subjects),
        rounds,
        seconds,
        missing: [...missing],
        failures: this.#failures,
      },
      probes.flatMap(({ metrics }) => metrics),
      BASE.name,
      this.#samples,
    );
  }

  async #measure(lab: BenchLab, subject: Subject, title: string): Promise<void> {
    const { probes } = this.#options;
    if (this.#failed(subject)) return this.#progress.skip(probes.length + 1);
    this.#progress.next(`${title}: starting`);
    const running = await this.#attempt(subject, "start", () => subject.start(lab));
    if (running === undefined) this.#progress.skip(probes.length);
    else await this.#probe(lab, subject, running, title);
    await lab.stopAll();
  }

  async #probe(lab: BenchLab, subject: Subject, running: Running, title: string): Promise<void> {
    const { probes, seconds } = this.#options;
    const samples = this.#samples.get(subject.name)!;
    for (const probe of probes) {
      this.#progress.next(`${title}: ${probe.name}`);
      if (this.#failed(subject, probe)) continue;
      const bench = { lab, subject: running, seconds };
      const numbers = await this.#attempt(subject, probe.name, () => probe.run(bench)) ?? {};
      for (const [metric, number] of Object.entries(numbers)) {
        samples.set(metric, [...samples.get(metric) ?? [], number]);
      }
    }
  }

  #failed(subject: Subject, probe?: Probe): boolean {
    return this.#failures.some((failure) => {
      return failure.subject === subject.name && failure.what === (probe?.name ?? "start");
    });
  }

  /** Does something and gives what came of it; undefined if that is one failure more. */
  async #attempt<T>(
    { name }: Subject,
    what: string,
    action: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#failures.push({ subject: name, what, reason: (error as Error).message });
      return undefined;
    }
  }
}
