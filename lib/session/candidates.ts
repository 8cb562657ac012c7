/** One of the addresses that a server's name stands for. */
export interface Candidate {
  /** AF_INET, AF_INET6. */
  readonly family: number;
  /** Names it; two of the same text are the same address. */
  toString(): string;
}

/**
 * The order in which to try a server's addresses: one of each family by turns, as long as there are
 * both (RFC 8305, section 4), so that a family that does not work costs one attempt.
 *
 * @param addresses best first
 * @param preferred text of the one that worked last, which comes first if it is among them
 */
export function inTurn<Address extends Candidate>(
  addresses: readonly Address[],
  preferred?: string,
): Address[] {
  const byText = new Map(addresses.map((address) => [address.toString(), address]));
  const isPreferred = (address: Address): boolean => address.toString() === preferred;
  const sorted = [...byText.values()].toSorted((a, b) => +isPreferred(b) - +isPreferred(a));
  const firsts = sorted.filter(({ family }) => family === sorted[0]!.family);
  const others = sorted.filter(({ family }) => family !== sorted[0]!.family);
  const rounds = Math.max(firsts.length, others.length);
  return Array.from({ length: rounds }, (_, i) => [firsts[i], others[i]])
    .flat().filter((address) => address !== undefined);
}
