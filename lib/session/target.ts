import type { Carrier } from "../protocol/hello.ts";

/** One way to reach a server: one of its addresses, over one carrier. */
export interface Target {
  /** The address's place among the candidates. */
  readonly candidate: number;
  readonly carrier: Carrier;
  /** Both as text. */
  readonly name: string;
}

/**
 * All ways to reach a server, the best first. Each address is tried by all carriers before the next:
 * what keeps one away seldom keeps away the other.
 */
export function targetsOf(addresses: readonly string[], carriers: readonly Carrier[]): Target[] {
  return addresses.flatMap((address, candidate) =>
    carriers.map((carrier) => {
      const suffix = carriers.length > 1 ? ` over ${carrier.toUpperCase()}` : "";
      return { candidate, carrier, name: `${address}${suffix}` };
    })
  );
}
