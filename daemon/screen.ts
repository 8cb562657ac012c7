const encoder = new TextEncoder();

/** Control sequences of ECMA-48 (ED, CUP, EL). */
const CLEAR_SCREEN = "\x1b[2J";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** Shows a text on stdout in place of the one before, or behind it where there is no such terminal. */
export class Screen {
  readonly #redraws: boolean;
  #begun = false;

  /** @param mayRedraw whether that is wanted at all */
  constructor(mayRedraw: boolean) {
    const isDumb = (Deno.env.get("TERM") ?? "dumb") === "dumb";
    this.#redraws = mayRedraw && Deno.stdout.isTerminal() && !isDumb;
  }

  /** Returns false if nobody reads it any more. */
  show(text: string): boolean {
    try {
      writeAll(this.#redraws ? this.#redrawn(text) : `${text}\n`);
      this.#begun = true;
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return false;
      throw error;
    }
  }

  /** As much of it as the terminal has room for, so that nothing scrolls; all if its size is not known. */
  #redrawn(text: string): string {
    const { columns, rows } = Deno.consoleSize();
    const lines = text.split("\n").slice(0, rows === 0 ? undefined : Math.max(1, rows - 1));
    const cut = lines.map((line) => {
      return `${[...line].slice(0, columns || undefined).join("")}${CLEAR_LINE}\n`;
    });
    return `${this.#begun ? "" : CLEAR_SCREEN}${HOME}${cut.join("")}${CLEAR_BELOW}`;
  }
}

function writeAll(text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
