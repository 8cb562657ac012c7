/** Letters that a misspelled name may have wrong, missing or too many. */
const SLIPS = 2;

/** The name among some that somebody most likely meant by another one, if there is one. */
export function nearestName(meant: string, names: readonly string[]): string | undefined {
  const word = meant.toLowerCase().replaceAll("_", "-");
  const ranked = names
    .map((name) => ({ name, slips: name.includes(word) ? 1 : slipsBetween(word, name) }))
    .filter(({ name, slips }) => slips <= SLIPS && slips < name.length)
    .toSorted((a, b) => a.slips - b.slips);
  return word.length > 1 ? ranked[0]?.name : undefined;
}

/** The least number of letters to add, drop or replace (Levenshtein's distance), up to SLIPS + 1. */
function slipsBetween(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > SLIPS) return SLIPS + 1;
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = above[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j]! + 1, row[j - 1]! + 1));
    }
  }
  return row.at(-1)!;
}
