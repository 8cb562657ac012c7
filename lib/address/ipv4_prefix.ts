import { formatIpv4, parseIpv4 } from "./ipv4_address.ts";

/** An IPv4 prefix such as 10.0.0.0/16 (RFC 4632). Immutable. */
export class Ipv4Prefix {
  /** Lowest address; it names the network itself. */
  readonly first: number;
  /** Highest address; for prefixes shorter than /31 it is the directed broadcast address. */
  readonly last: number;
  /** Number of leading bits that are fixed, 0 to 32. */
  readonly length: number;

  /**
   * @param address any address inside the prefix; its host bits are cleared
   * @throws {RangeError} if `length` is not an integer from 0 to 32
   */
  constructor(address: number, length: number) {
    if (!Number.isInteger(length) || length < 0 || length > 32) {
      throw new RangeError(`A prefix length is 0 to 32, not ${length}`);
    }
    const size = 2 ** (32 - length);
    this.length = length;
    this.first = Math.floor(address / size) * size;
    this.last = this.first + size - 1;
  }

  /** The netmask as an address, such as 255.255.0.0. */
  get netmask(): number {
    return 2 ** 32 - 2 ** (32 - this.length);
  }

  contains(address: number): boolean {
    return address >= this.first && address <= this.last;
  }

  overlaps(other: Ipv4Prefix): boolean {
    return this.first <= other.last && other.first <= this.last;
  }

  toString(): string {
    return `${formatIpv4(this.first)}/${this.length}`;
  }
}

/**
 * Reads `ADDRESS/LENGTH`. Host bits must be zero: in 10.0.0.5/16 either the address or the length is
 * a slip, and which one only the writer knows.
 *
 * @throws {SyntaxError} if the text is not of that form
 */
export function parseIpv4Prefix(text: string): Ipv4Prefix {
  const match = /^([^/]+)\/(0|[1-9][0-9]?)$/.exec(text);
  if (match === null) throw new SyntaxError(`Not a network: "${text}" (write it as 10.0.0.0/16)`);
  const address = parseIpv4(match[1]!);
  const length = Number(match[2]);
  if (length > 32) throw new SyntaxError(`Not a network: "${text}" (the length is 0 to 32)`);
  const prefix = new Ipv4Prefix(address, length);
  if (prefix.first !== address) {
    throw new SyntaxError(`Not a network: "${text}" has host bits set (did you mean "${prefix}"?)`);
  }
  return prefix;
}
