import { ImpairedLink, type Impairment } from "../impaired_link.ts";
import { Lab, type LabProcess, type Machine } from "../lab.ts";
import type { ProgramSource } from "../program.ts";
import { tail } from "./log_tail.ts";
import type { Congestion } from "./options.ts";

/** Seconds that a tunnel may take to answer its first ping. */
const START_PATIENCE = 20;

/** Seconds that iperf3 may take longer than its flow: it waits forever for a lost answer. */
const IPERF3_PATIENCE = 20;

/** Addresses of the two ends of the cable. */
const OUTER = { server: "198.51.100.1", client: "198.51.100.2" };

export interface BenchLabOptions {
  /** What is wrong with the cable; nothing if undefined. */
  impairment: Impairment | undefined;
  congestion: Congestion;
  programs: ProgramSource;
  signal: AbortSignal;
}

/** Two machines with one cable, and a folder for files. */
export class BenchLab implements AsyncDisposable {
  readonly server: Machine;
  readonly client: Machine;
  readonly outer = OUTER;
  /** For what subjects write; it goes with the lab. */
  readonly folder: string;
  /** How simplevpn's own programs are run. */
  readonly programs: ProgramSource;
  readonly congestion: Congestion;
  /** Aborts when the bench is interrupted. */
  readonly signal: AbortSignal;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    { server, client }: { server: Machine; client: Machine },
    folder: string,
    { programs, congestion, signal }: BenchLabOptions,
    resources: AsyncDisposableStack,
  ) {
    this.server = server;
    this.client = client;
    this.folder = folder;
    this.programs = programs;
    this.signal = signal;
    this.congestion = congestion;
    this.#resources = resources;
  }

  static async open(options: BenchLabOptions): Promise<BenchLab> {
    await using resources = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "simplevpn-bench-" });
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    const lab = resources.use(new Lab());
    const machines = { server: await lab.machine("server"), client: await lab.machine("client") };
    const { server, client } = machines;
    const [one, other] = [[`${OUTER.server}/30`], [`${OUTER.client}/30`]];
    const { impairment } = options;
    if (impairment === undefined) await lab.cable(server, one, client, other);
    else await ImpairedLink.lay(lab, server, one, client, other, impairment);
    const bench = new BenchLab(machines, folder, options, resources.move());
    // What runs in the lab ends at once, so that whoever waits for it fails.
    options.signal.addEventListener("abort", () => bench.stopAll());
    return bench;
  }

  /**
   * Runs a command on the client's machine to its end and gives its stdout.
   *
   * @throws {Error} if it fails, as it does when the bench is interrupted
   */
  async run(...command: string[]): Promise<string> {
    this.signal.throwIfAborted();
    const process = this.client.start(command);
    const { success, code } = await process.status;
    // It has ended, so this only waits for the last of what it printed.
    await process.stop();
    this.signal.throwIfAborted();
    if (success) return process.stdout;
    const said = `${process.stderr}${process.stdout}`;
    throw new Error(`"${command.join(" ")}" failed with status ${code}: ${said}`);
  }

  /** Runs iperf3 from the client's machine to an address of the server's, and gives its JSON. */
  async iperf3(address: string, seconds: number, ...options: string[]): Promise<string> {
    // A server for each run: a lasting one is at times still busy with the last run. Only what is
    // said on stderr can be waited for.
    const command = "exec iperf3 --server --one-off --forceflush >&2";
    const server = this.server.start(["sh", "-c", command]);
    await server.waitFor(/Server listening/);
    try {
      const flow = ["iperf3", "--client", address, "--json", "--time", String(seconds), ...options];
      const { flows } = this.congestion;
      if (flows !== undefined && !options.includes("--udp")) flow.push("--congestion", flows);
      return await this.run("timeout", String(seconds + IPERF3_PATIENCE), ...flow);
    } finally {
      await server.stop();
    }
  }

  /** Waits until the client's machine reaches an address. @throws {Error} telling what the programs said */
  async untilAnswered(
    address: string,
    programs: { server: LabProcess; client: LabProcess },
  ): Promise<void> {
    const attempts = `until ping -n -c 1 -W 0.2 ${address}; do sleep 0.01; done >/dev/null 2>&1`;
    try {
      await this.run("timeout", String(START_PATIENCE), "sh", "-c", attempts);
    } catch (error) {
      this.signal.throwIfAborted();
      const said = Object.entries(programs).map(([name, { stderr }]) => `${name}: ${tail(stderr)}`);
      throw new Error([`Nothing answers at ${address}`, ...said].join("\n"), { cause: error });
    }
  }

  /** Ends all programs of both machines. */
  async stopAll(): Promise<void> {
    await Promise.all([this.client.stopAll(), this.server.stopAll()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
