/** Words, values and pictures for a person who watches: in colour on a terminal, plain elsewhere. */

const RESET = "\x1b[0m";
const BOX_WIDTH = 16;
const GAP_WIDTH = 7;

/** A machine in a picture: its name and its addresses in the tunnel's network and outside of it. */
export interface PicturedMachine {
  name: string;
  /** Empty while it has none. */
  inner: string;
  outer: string;
}

/** Tells on stdout what happens, step by step. */
export class Narrator {
  readonly #colour = Deno.stdout.isTerminal() && !Deno.noColor;
  #steps = 0;

  title(text: string): void {
    console.log(this.#paint("1", text));
  }

  /** Begins a step. */
  step(title: string): void {
    console.log(`\n${this.#paint("1", `${++this.#steps}. ${title}`)}`);
  }

  /** Tells something in a sentence. */
  say(text: string): void {
    console.log(`   ${text}`);
  }

  /** Shows a command as a person would type it at a machine, and what came of it. */
  command(machine: string, command: string, ...results: readonly string[]): void {
    const prompt = `${machine}#`.padEnd(8);
    console.log(`   ${this.#paint("2", prompt)} ${this.#paint("36", command)}`);
    for (const result of results) console.log(`   ${" ".repeat(8)} ${this.#paint("2", result)}`);
  }

  /** Shows a measured value, `what` being a few words that are aligned with those of other lines. */
  value(what: string, value: string): void {
    console.log(`   ${what.padEnd(20)} ${this.#paint("32", value)}`);
  }

  /** Draws machines in a row, on one internet, and joined by the tunnel where they have addresses in it. */
  picture(machines: readonly PicturedMachine[]): void {
    for (const line of draw(machines)) console.log(`   ${this.#paint("34", line)}`);
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\x1b[${code}m${text}${RESET}` : text;
  }
}

function draw(machines: readonly PicturedMachine[]): string[] {
  const width = BOX_WIDTH - 2;
  const row = (gap: string, box: (machine: PicturedMachine) => string): string =>
    machines.map(box).join(gap.repeat(GAP_WIDTH)).trimEnd();
  const line = "─".repeat(width);
  const foot = `${"─".repeat(width / 2)}┬${"─".repeat(width / 2 - 1)}`;
  const joined = machines.every(({ inner }) => inner !== "");
  const inner = row("═", ({ inner }) => `╡${centre(inner, width)}╞`);
  return [
    row(" ", ({ name }) => centre(name, BOX_WIDTH)),
    row(" ", () => `┌${line}┐`),
    ...joined ? [`│${inner.slice(1, -1)}│  the tunnel`] : [],
    row(" ", ({ outer }) => `│${centre(outer, width)}│`),
    row(" ", () => `└${foot}┘`),
    wire(machines.length),
  ];
}

/** The internet below the boxes, from the middle of the first to the middle of the last. */
function wire(machines: number): string {
  const span = (machines - 1) * (BOX_WIDTH + GAP_WIDTH);
  const cells = [..."─".repeat(span + 1)];
  for (let at = 0; at <= span; at += BOX_WIDTH + GAP_WIDTH) cells[at] = "┴";
  cells[0] = "└";
  cells[span] = "┘";
  return `${" ".repeat(BOX_WIDTH / 2)}${cells.join("")}  the internet`;
}

function centre(text: string, width: number): string {
  const left = Math.ceil((width - text.length) / 2);
  return text.padStart(text.length + left).padEnd(width);
}
