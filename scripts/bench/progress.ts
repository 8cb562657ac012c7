const encoder = new TextEncoder();

/** Says on stderr what is going on: in one line that is rewritten on a terminal, else line by line. */
export class Progress {
  readonly #terminal = Deno.stderr.isTerminal();
  readonly #total: number;
  #done = 0;

  /** @param total how many steps there will be */
  constructor(total: number) {
    this.#total = total;
  }

  /** The next step begins. */
  next(step: string): void {
    const text = `[${++this.#done}/${this.#total}] ${step}`;
    this.#write(this.#terminal ? `\r\x1b[K${text}` : `${text}\n`);
  }

  /** So many steps will not be. */
  skip(steps: number): void {
    this.#done += steps;
  }

  /** Leaves a terminal's line as empty as it was. */
  clear(): void {
    if (this.#terminal) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    Deno.stderr.writeSync(encoder.encode(text));
  }
}
