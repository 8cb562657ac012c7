/** What the bench makes of its samples. */

/** The middle one of some numbers, or half way between the two middle ones. @throws {RangeError} if there are none */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) throw new RangeError("No numbers have no median");
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** The sum divided by the count. @throws {RangeError} if there are none */
export function mean(numbers: readonly number[]): number {
  if (numbers.length === 0) throw new RangeError("No numbers have no mean");
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** All samples of one metric of one subject. */
export interface Summary {
  median: number;
  /** The median as a multiple of the base's median; null where the base has none, or it is 0. */
  ratio: number | null;
  /** In the order in which they were taken, one per round. */
  samples: number[];
}

/** Sums up samples, and those of the base if it has any. @throws {RangeError} without samples */
export function summarize(samples: readonly number[], base: readonly number[] = []): Summary {
  const middle = median(samples);
  const baseMiddle = base.length === 0 ? 0 : median(base);
  return {
    median: middle,
    ratio: baseMiddle === 0 ? null : middle / baseMiddle,
    samples: [...samples],
  };
}

/** The subjects of a round: every other round begins at the other end, so that none is always first. */
export function orderOfRound<T>(subjects: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...subjects] : subjects.toReversed();
}
