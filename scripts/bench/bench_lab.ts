import { Lab, type LabProcess, type Machine } from "../lab.ts";
import type { ProgramSource } from "../program.ts";

/** Seconds that a tunnel may take to answer its first ping. */
const START_PATIENCE = 20;

/** Addresses of the two ends of the cable. */
const OUTER = { server: "198.51.100.1", client: "198.51.100.2" };

export interface BenchLabOptions {
  programs: ProgramSource;
  signal: AbortSignal;
}

/** Two machines with one cable, an iperf3 server on one of them, and a folder for files. */
export class BenchLab implements AsyncDisposable {
  readonly server: Machine;
  readonly client: Machine;
  readonly outer = OUTER;
  /** For what subjects write; it goes with the lab. */
  readonly folder: string;
  /** How simplevpn's own programs are run. */
  readonly programs: ProgramSource;
  /** Aborts when the bench is interrupted. */
  readonly signal: AbortSignal;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    { server, client }: { server: Machine; client: Machine },
    folder: string,
    { programs, signal }: BenchLabOptions,
    resources: AsyncDisposableStack,
  ) {
    this.server = server;
    this.client = client;
    this.folder = folder;
    this.programs = programs;
    this.signal = signal;
    this.#resources = resources;
  }

  static async open(options: BenchLabOptions): Promise<BenchLab> {
    await using resources = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "simplevpn-bench-" });
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    const lab = resources.use(new Lab());
    const machines = { server: await lab.machine("server"), client: await lab.machine("client") };
    const { server, client } = machines;
    await lab.cable(server, [`${OUTER.server}/30`], client, [`${OUTER.client}/30`]);
    await startIperf3(server);
    // What runs in the lab ends at once, so that whoever waits for it fails.
    const stopAll = () => Promise.all([client.stopAll(), server.stopAll()]);
    options.signal.addEventListener("abort", stopAll);
    return new BenchLab(machines, folder, options, resources.move());
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

  /** Waits until the client's machine reaches an address. @throws {Error} telling what `client` said */
  async untilAnswered(address: string, client: LabProcess): Promise<void> {
    const attempts = `until ping -n -c 1 -W 0.2 ${address}; do sleep 0.01; done >/dev/null 2>&1`;
    try {
      await this.run("timeout", String(START_PATIENCE), "sh", "-c", attempts);
    } catch (error) {
      this.signal.throwIfAborted();
      throw new Error(`Nothing answers at ${address}: ${client.stderr}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

async function startIperf3(server: Machine): Promise<void> {
  // Only what is said on stderr can be waited for.
  const process = server.start(["sh", "-c", "exec iperf3 --server --forceflush >&2"]);
  await process.waitFor(/Server listening/);
}
