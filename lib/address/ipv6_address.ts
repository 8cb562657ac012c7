import { parseIpv4 } from "./ipv4_address.ts";

/**
 * IPv6 addresses as four numbers of 32 bits, 0 to 2^32-1, the first bytes first: so they can be sent
 * between threads and compared without allocating.
 */
export type Ipv6Address = readonly [number, number, number, number];

/** Bytes of an address. */
const IPV6_ADDRESS_LENGTH = 16;

/** The address whose 16 bytes begin at `at`. */
export function readIpv6(bytes: Uint8Array, at = 0): Ipv6Address {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, IPV6_ADDRESS_LENGTH);
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}

/** The 16 bytes of an address. */
export function ipv6Bytes(address: Ipv6Address): Uint8Array {
  const bytes = new Uint8Array(IPV6_ADDRESS_LENGTH);
  const view = new DataView(bytes.buffer);
  address.forEach((word, i) => view.setUint32(4 * i, word));
  return bytes;
}

/**
 * Reads the text of an address (RFC 4291, 2.2): eight groups of up to four hexadecimal digits, of
 * which "::" stands for some that are zero, the last two perhaps in dotted decimal. No scope.
 *
 * @throws {SyntaxError} if `text` is anything else
 */
export function parseIpv6(text: string): Ipv6Address {
  const groups = parseGroups(text);
  if (groups === undefined) throw new SyntaxError(`Not an IPv6 address: "${text}"`);
  const word = (i: number): number => groups[i]! * 0x10000 + groups[i + 1]!;
  return [word(0), word(2), word(4), word(6)];
}

function parseGroups(text: string): number[] | undefined {
  const [head, tail, more] = text.split("::");
  const left = parseHalf(head!);
  const right = tail === undefined ? [] : parseHalf(tail);
  if (left === undefined || right === undefined || more !== undefined) return undefined;
  // Dotted decimal is for the end alone.
  if (tail !== undefined && head!.includes(".")) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...left, ...Array<number>(missing).fill(0), ...right];
}

function parseHalf(text: string): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const dotted = parts.at(-1)!.includes(".") ? parseDotted(parts.pop()!) : [];
  if (dotted === undefined || !parts.every((part) => /^[0-9A-Fa-f]{1,4}$/.test(part))) {
    return undefined;
  }
  return [...parts.map((part) => parseInt(part, 16)), ...dotted];
}

function parseDotted(text: string): number[] | undefined {
  try {
    const address = parseIpv4(text);
    return [address >>> 16, address & 0xffff];
  } catch {
    return undefined;
  }
}

/**
 * Canonical text of the 16 bytes of an IPv6 address (RFC 5952): lower case, no leading zeros, the
 * longest run of two or more zero groups as "::". An IPv4-mapped address (::ffff:0:0/96, RFC 4291,
 * 2.5.5.2) gives plain dotted-decimal text, so that one peer has one name on a dual-stack socket.
 *
 * @throws {RangeError} if there are not exactly 16 bytes
 */
export function formatIpv6(bytes: Uint8Array): string {
  if (bytes.length !== IPV6_ADDRESS_LENGTH) {
    throw new RangeError(`An IPv6 address has 16 bytes, not ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, IPV6_ADDRESS_LENGTH);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return bytes.subarray(12).join(".");
  }
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(":");
  return `${hex.slice(0, run.start).join(":")}::${hex.slice(run.start + run.length).join(":")}`;
}

/** Whether the address at `at` is multicast: ff00::/8 (RFC 4291, 2.7). */
export function isIpv6Multicast(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xff;
}

/** Whether the address at `at` is link-local: fe80::/10 (RFC 4291, 2.5.6). */
export function isIpv6LinkLocal(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xfe && (bytes[at + 1]! & 0xc0) === 0x80;
}

/**
 * Whether the address at `at` is in ::/64, where are the unspecified one, loopback, and those with an
 * IPv4 address in them (RFC 4291, 2.5): none of them appears outside a host.
 */
export function isIpv6HostOnly(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 8; i++) {
    if (bytes[at + i] !== 0) return false;
  }
  return true;
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
