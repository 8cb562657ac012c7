/** What a command left that ended by itself. */
export interface CommandResult {
  /** Exit status; 128 and the signal's number if a signal ended it. */
  code: number;
  /** As much as it printed, or the first bytes of it, as many as are taken, each as UTF-8. */
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** What it is given on stdin; by default that is empty. */
  input?: string;
  /** Its whole environment besides PATH and LC_ALL. */
  env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed, with all that it started. */
  timeout?: number;
  /** Bytes of its output that are taken of each kind; OUTPUT_MOST if left out. */
  outputMost?: number;
}

const TIMEOUT = 10_000;
const OUTPUT_MOST = 64 * 1024;

/** Where system administrators' programs are; what started this program may know less. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Runs a program of this machine, never through a shell, and waits until it ends.
 *
 * @param command the program, by name or path, and its arguments
 * @throws {Deno.errors.NotFound} if there is no such program
 * @throws {Deno.errors.TimedOut} if it took too long; then it is dead
 */
export async function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  { input = "", env = {}, timeout = TIMEOUT, outputMost = OUTPUT_MOST }: CommandOptions = {},
): Promise<CommandResult> {
  const child = new Deno.Command(program, {
    args,
    clearEnv: true,
    env: { PATH, LC_ALL: "C.UTF-8", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // The leader of a process group (setsid(2)): what it starts can be killed with it.
    detached: true,
  }).spawn();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Deno.errors.TimedOut(`${program} did not end within ${timeout / 1000} s`)),
      timeout,
    );
  });
  const outputs = [
    new Collector(child.stdout, outputMost),
    new Collector(child.stderr, outputMost),
  ] as const;
  try {
    const [{ code }, stdout, stderr] = await Promise.race([
      Promise.all([child.status, outputs[0].text, outputs[1].text, feed(child.stdin, input)]),
      late,
    ]);
    return { code, stdout, stderr };
  } catch (error) {
    kill(child);
    // A program that it started, and that left the group, may hold the pipes open for ever.
    for (const output of outputs) output.cancel();
    await child.status;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Takes a stream to its end, and keeps its beginning. */
class Collector {
  readonly text: Promise<string>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(stream: ReadableStream<Uint8Array>, most: number) {
    this.#reader = stream.getReader();
    this.text = this.#collect(most);
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }

  async #collect(room: number): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return text + decoder.decode();
      text += decoder.decode(value.subarray(0, room), { stream: true });
      room = Math.max(0, room - value.length);
    }
  }
}

async function feed(stream: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch (error) {
    // A program need not read what it is given. Some releases of Deno call the pipe closed then (a
    // TypeError), and not broken.
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof TypeError)) throw error;
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch {
    // All of the group ended meanwhile.
  }
}
