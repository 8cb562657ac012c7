/** Milliseconds that a process has to end after it was asked to. */
const STOP_PATIENCE = 5_000;

/** A command that runs inside a machine of the lab, with everything it printed so far. */
export class LabProcess {
  readonly pid: number;
  /** How it ended. */
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #drained: Promise<unknown>;
  #stdout = "";
  #stderr = "";
  #changed = Promise.withResolvers<void>();

  constructor(command: readonly string[], env: Record<string, string>) {
    this.#name = command.join(" ");
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.status = this.#child.status;
    this.#drained = Promise.all([
      this.#collect(this.#child.stdout, (text) => this.#stdout += text),
      this.#collect(this.#child.stderr, (text) => this.#stderr += text),
    ]);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until its stderr matches, counting from the character at `from`. @throws {Error} if it does not */
  async waitFor(pattern: RegExp, milliseconds = 10_000, from = 0): Promise<RegExpMatchArray> {
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), milliseconds);
    const ended = this.#drained.then(() => "ended" as const);
    try {
      for (let over: string | void = undefined;;) {
        const match = this.#stderr.slice(from).match(pattern);
        if (match !== null) return match;
        if (over) {
          throw new Error(`${this.#name} (${over}) did not say ${pattern}: ${this.#stderr}`);
        }
        over = await Promise.race([this.#changed.promise, ended, late]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It ended by itself in the meantime.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Asks it to end, insists after a while, and says how it ended. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    this.kill(signal);
    // One that a test halted by SIGSTOP would not hear of it.
    this.kill("SIGCONT");
    const timer = setTimeout(() => this.kill("SIGKILL"), STOP_PATIENCE);
    const status = await this.status;
    clearTimeout(timer);
    await this.#drained;
    return status;
  }

  async #collect(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    add: (text: string) => void,
  ): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      add(text);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }
}
