import { formatIpv6, type Ipv6Address, ipv6Bytes, parseIpv6 } from "./ipv6_address.ts";

const WORDS = [0, 1, 2, 3] as const;

/** An IPv6 prefix such as fd00::/64 (RFC 4291, 2.3). Immutable. */
export class Ipv6Prefix {
  /** Lowest address; it names the network itself. */
  readonly first: Ipv6Address;
  /** Number of leading bits that are fixed, 0 to 128. */
  readonly length: number;

  /**
   * @param address any address inside the prefix; its host bits are cleared
   * @throws {RangeError} if `length` is not an integer from 0 to 128
   */
  constructor(address: Ipv6Address, length: number) {
    if (!Number.isInteger(length) || length < 0 || length > 128) {
      throw new RangeError(`A prefix length is 0 to 128, not ${length}`);
    }
    this.length = length;
    const mask = this.mask;
    this.first = mapWords((i) => (address[i] & mask[i]) >>> 0);
  }

  /** The fixed bits as an address of ones and zeros. */
  get mask(): Ipv6Address {
    return mapWords((i) => {
      const fixed = Math.min(32, Math.max(0, this.length - 32 * i));
      return 2 ** 32 - 2 ** (32 - fixed);
    });
  }

  /** The address with this number in its host part, which must have room for it: 0 to 2^32-1. */
  host(number: number): Ipv6Address {
    const [a, b, c, d] = this.first;
    return [a, b, c, (d | number) >>> 0];
  }

  contains(address: Ipv6Address): boolean {
    const { first, mask } = this;
    return WORDS.every((i) => (address[i] & mask[i]) >>> 0 === first[i]);
  }

  overlaps(other: Ipv6Prefix): boolean {
    return this.length <= other.length ? this.contains(other.first) : other.contains(this.first);
  }

  toString(): string {
    return `${formatIpv6(ipv6Bytes(this.first))}/${this.length}`;
  }
}

/**
 * Reads `ADDRESS/LENGTH`; host bits must be zero, as with parseIpv4Prefix().
 *
 * @throws {SyntaxError} if the text is not of that form
 */
export function parseIpv6Prefix(text: string): Ipv6Prefix {
  const match = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  if (match === null) throw new SyntaxError(`Not a network: "${text}" (write it as fd00::/64)`);
  const address = parseIpv6(match[1]!);
  const length = Number(match[2]);
  if (length > 128) throw new SyntaxError(`Not a network: "${text}" (the length is 0 to 128)`);
  const prefix = new Ipv6Prefix(address, length);
  if (WORDS.some((i) => prefix.first[i] !== address[i])) {
    throw new SyntaxError(`Not a network: "${text}" has host bits set (did you mean "${prefix}"?)`);
  }
  return prefix;
}

function mapWords(word: (i: 0 | 1 | 2 | 3) => number): Ipv6Address {
  return [word(0), word(1), word(2), word(3)];
}
