import { type Arguments, type Option, UsageError } from "../lib/config/command_line.ts";
import { CONFIG } from "../lib/config/common_options.ts";
import {
  checkConfigFile,
  ConfigError,
  differences,
  mergeArguments,
  takeReloads,
} from "../lib/config/merged_settings.ts";
import { readText } from "../lib/config/values.ts";
import { Failure } from "./failure.ts";
import { loadConfigFile } from "./load_config_file.ts";
import { log } from "./logging.ts";

/** What came of reading a configuration file anew. If there are complaints, nothing is as it says. */
export interface Reloaded {
  /** One sentence each. */
  complaints: string[];
  /** Options that are other ones from now on. */
  applied: string[];
  /** Options that are other ones from the next start on. */
  pending: string[];
}

/** Where a program's settings come from: its command line, and the file that it names, if any. */
export class SettingsSource<Settings> {
  /** As they were at the start. */
  readonly settings: Settings;
  /** The file's name, as it was given. */
  readonly #file: string | undefined;
  readonly #table: readonly Option[];
  readonly #read: (args: Arguments) => Settings;
  readonly #commandLine: Arguments;
  readonly #started: Arguments;
  /** What the program goes by. */
  #current: Arguments;
  #apply: ((settings: Settings) => void) | undefined;
  /** Whether somebody asked for a reload before the program was ready for one. */
  #isAsked = false;

  /**
   * @param table the command's options
   * @param read makes settings of what both say; throws a UsageError
   * @throws {UsageError} if they make no sense
   * @throws {Failure} if the file cannot be read
   */
  constructor(
    table: readonly Option[],
    read: (args: Arguments) => Settings,
    commandLine: Arguments,
  ) {
    this.#table = table;
    this.#read = read;
    this.#commandLine = commandLine;
    this.#file = readText(commandLine, CONFIG);
    this.#started = this.#current = this.#load();
    this.settings = read(this.#started);
  }

  /** Whether there is anything to read anew. */
  get canReload(): boolean {
    return this.#file !== undefined;
  }

  /** Says what is to be done about other settings; `reload()` does it from now on. */
  follow(apply: (settings: Settings) => void): void {
    this.#apply = apply;
    if (this.#isAsked) this.reload();
  }

  /**
   * Reads the file anew, and logs what came of it. Whatever is wrong, the program goes on.
   *
   * @throws {Failure} if there is no file
   */
  reload(): Reloaded {
    if (!this.canReload) {
      throw new Failure("It was started without --config: there is no file to read anew");
    }
    // It may have been changed since it was read.
    this.#isAsked = this.#apply === undefined;
    if (this.#apply === undefined) return { complaints: [], applied: [], pending: [] };
    const report = this.#reload(this.#apply);
    const values = { file: this.#file, ...report };
    for (const complaint of report.complaints) log.error("{complaint}", { complaint });
    if (report.complaints.length > 0) {
      log.error("Cannot use {file} as it is now: going on as before", values);
    } else log.info("Read {file} anew: {what}", { ...values, what: describeReload(report) });
    return report;
  }

  #reload(apply: (settings: Settings) => void): Reloaded {
    try {
      const wanted = this.#load();
      const next = takeReloads(this.#table, this.#started, wanted);
      const pending = differences(this.#table, next, wanted);
      const settings = this.#readTogether(next, pending);
      const applied = differences(this.#table, this.#current, next);
      if (applied.length > 0) apply(settings);
      this.#current = next;
      return { complaints: [], applied, pending };
    } catch (error) {
      const complaints = error instanceof ConfigError
        ? [...error.complaints]
        : [(error as Error).message];
      return { complaints, applied: [], pending: [] };
    }
  }

  /** @throws {UsageError} if what can be applied does not go with what has to wait */
  #readTogether(next: Arguments, pending: readonly string[]): Settings {
    try {
      return this.#read(next);
    } catch (error) {
      throw new UsageError(
        `${(error as Error).message}: start anew, since ${
          pending.join(", ")
        } cannot be changed before`,
      );
    }
  }

  /** What the command line and the file say now. */
  #load(): Arguments {
    if (this.#file === undefined) return this.#commandLine;
    const file = loadConfigFile(this.#table, this.#file);
    checkConfigFile(this.#read, this.#commandLine, file);
    return mergeArguments(this.#commandLine, file);
  }
}

/** What a reload changed, for a person. */
export function describeReload({ applied, pending }: Reloaded): string {
  const parts = [
    ...applied.length > 0 ? [`in force now: ${applied.join(", ")}`] : [],
    ...pending.length > 0 ? [`from the next start on: ${pending.join(", ")}`] : [],
  ];
  return parts.join("; ") || "nothing is another than before";
}
