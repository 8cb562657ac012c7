/** What was sent in each of the last seconds over some path, and how much of it was lost. */
export class LossHistory {
  readonly #sent: Float64Array;
  readonly #lost: Float64Array;
  #at = 0;

  /** @param seconds that are remembered, beside the present one */
  constructor(seconds: number) {
    this.#sent = new Float64Array(seconds + 1);
    this.#lost = new Float64Array(seconds + 1);
  }

  /** Adds to the present second. `lost` may be negative, for what was counted as lost and came late. */
  add(sent: number, lost: number): void {
    this.#sent[this.#at]! += sent;
    this.#lost[this.#at]! += lost;
  }

  /** The present second is over. */
  next(): void {
    this.#at = (this.#at + 1) % this.#sent.length;
    this.#sent[this.#at] = this.#lost[this.#at] = 0;
  }

  clear(): void {
    this.#sent.fill(0);
    this.#lost.fill(0);
  }

  /** All that is remembered as sent. */
  get sent(): number {
    return sum(this.#sent);
  }

  /** What part of all that is remembered was lost, from 0 to 1. */
  get rate(): number {
    const { sent } = this;
    return sent === 0 ? 0 : Math.min(Math.max(sum(this.#lost) / sent, 0), 1);
  }

  /**
   * In how many of the last `seconds` that are over at least `least` were lost, and this part of what was
   * sent.
   */
  badSeconds(seconds: number, rate: number, least: number): number {
    const size = this.#sent.length;
    let count = 0;
    for (let i = 1; i <= Math.min(seconds, size - 1); i++) {
      const at = (this.#at + size - i) % size;
      const lost = this.#lost[at]!;
      if (lost >= least && lost >= rate * this.#sent[at]!) count++;
    }
    return count;
  }
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((total, number) => total + number, 0);
}
