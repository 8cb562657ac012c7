/** Machines of the lab that systemd runs, with the services of Debian's packages: systemd_machine.sh. */
import { assert, assertEquals } from "@std/assert";
import type { CommandOutput, Lab, LabProcess, Machine } from "../../scripts/lab.ts";
import { compiledFile } from "../../scripts/program.ts";
import { eventually } from "./inspection.ts";
import { PACKAGES, unpackedObstacle } from "./name_services.ts";

/** Commands without which there is no such machine. */
export const SYSTEMD_COMMANDS: readonly string[] = ["systemctl", "dbus-daemon", "nsenter"];

/** What is in the way of tests that need such a machine; undefined if nothing is. */
export const SYSTEMD_OBSTACLE: string | undefined = unpackedObstacle("systemd-resolved") ??
  unpackedObstacle("polkitd");

/** Where these machines have the compiled programs, as if they had been downloaded. */
export const DOWNLOADS = "/opt/simplevpn";

/** A line of the journal, of those fields that are asked for. */
export interface JournalLine {
  message: string;
  /** From 0, an emergency, to 7, for debugging (syslog(3)). */
  priority: number;
  identifier: string;
}

/** A running machine with systemd, its journal, a system bus, systemd-resolved and polkit. */
export class SystemdMachine {
  readonly #machine: Machine;
  readonly #process: LabProcess;
  /** Its files, as only its own processes see them. */
  readonly #folder: string;
  /** Its process 1, by the number that it has here. */
  #pid = "";

  private constructor(machine: Machine, process: LabProcess, folder: string) {
    this.#machine = machine;
    this.#process = process;
    this.#folder = folder;
  }

  /** Has systemd run a machine of the lab. */
  static async boot(lab: Lab, machine: Machine): Promise<SystemdMachine> {
    const folder = `${lab.folder}/${machine.namespace}`;
    await Deno.mkdir(folder);
    const file = compiledFile("server");
    const programs = file.slice(0, file.lastIndexOf("/"));
    const script = new URL("systemd_machine.sh", import.meta.url).pathname;
    const process = machine.start([
      ...["sh", script, folder, machine.namespace, PACKAGES, programs],
    ]);
    const booted = new SystemdMachine(machine, process, folder);
    await booted.#waitUntilUp(0);
    return booted;
  }

  /** Runs a command to its end. */
  try(...command: string[]): Promise<CommandOutput> {
    return this.#machine.try(...this.#inside(command));
  }

  /** Runs a command to its end and gives its stdout. @throws {Error} if it fails */
  run(...command: string[]): Promise<string> {
    return this.#machine.run(...this.#inside(command));
  }

  async write(path: string, text: string): Promise<void> {
    const script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"';
    await this.run("sh", "-c", script, "sh", path, text);
  }

  /** The lines of a unit in the journal since the machine was booted. */
  async journal(unit: string): Promise<JournalLine[]> {
    const lines = await this.run("journalctl", "--boot", "--output=json", `--unit=${unit}`);
    return lines.trimEnd().split("\n").map((line) => {
      const { MESSAGE, PRIORITY, SYSLOG_IDENTIFIER } = JSON.parse(line);
      return { message: MESSAGE, priority: Number(PRIORITY), identifier: SYSLOG_IDENTIFIER };
    });
  }

  /** Waits until the journal has such a line of a unit; it may be a moment behind. */
  async logged(unit: string, isMeant: (line: JournalLine) => boolean): Promise<void> {
    const lines = await eventually(() => this.journal(unit), (lines) => lines.some(isMeant));
    assert(lines.some(isMeant), lines.map(({ message }) => message).join("\n"));
  }

  /** Properties of a unit, by their names (`systemctl show`). */
  async show(unit: string): Promise<Record<string, string>> {
    const lines = (await this.run("systemctl", "show", unit)).trimEnd().split("\n");
    return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s)));
  }

  /** Every file, but no folder, that is other than on the machine that the test runs on, with its permissions. */
  async changedFiles(): Promise<string[]> {
    const inside = ["nsenter", `--target=${this.#process.pid}`, "--mount"];
    const find = ["find", `${this.#folder}/upper`, "!", "-type", "d", "-printf", "/%P %m\n"];
    return (await this.#machine.run(...inside, ...find)).trimEnd().split("\n").toSorted();
  }

  /** Cuts the power off, and on again. */
  async cutPower(): Promise<void> {
    const from = this.#process.stderr.length;
    await this.#machine.run("kill", "-9", this.#pid);
    await this.#waitUntilUp(from);
  }

  async #waitUntilUp(from: number): Promise<void> {
    const [, pid] = await this.#process.waitFor(/Booting as (\d+)/, undefined, from);
    this.#pid = pid!;
    const state = await eventually(
      async () => (await this.try("systemctl", "is-system-running", "--wait")).stdout.trim(),
      (state) => state === "running" || state === "degraded",
      30_000,
    );
    assertEquals(state, "running", (await this.try("systemctl", "--failed")).stdout);
  }

  #inside(command: readonly string[]): string[] {
    return ["nsenter", `--target=${this.#pid}`, "--all", ...command];
  }
}
