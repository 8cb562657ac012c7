/** Networks in items: `address, u8 prefix length`, where the address has 4 or 16 bytes. */
import { addressBytes, addressOfBytes, type IpAddress } from "../address/ip_address.ts";
import { type Prefix, prefixOf } from "../address/prefix.ts";
import type { Item } from "./items.ts";

export function prefixItems(type: number, prefixes: readonly Prefix[]): Item[] {
  return prefixes.map(({ first, length }) => ({ type, value: prefixValue(first, length) }));
}

/** An address and the length of its network's prefix as a value. */
export function prefixValue(address: IpAddress, length: number): Uint8Array {
  return Uint8Array.of(...addressBytes(address), length);
}

export function isIpv4Item({ length }: Uint8Array): boolean {
  return length === 4 + 1;
}

export function isIpv6Item({ length }: Uint8Array): boolean {
  return length === 16 + 1;
}

export function isPrefixItem(value: Uint8Array): boolean {
  return isIpv4Item(value) || isIpv6Item(value);
}

/**
 * Reads a network from a value of one of these lengths.
 *
 * @throws {SyntaxError} if the prefix is too long, or host bits are set
 */
export function readPrefix(value: Uint8Array): Prefix {
  const address = value.subarray(0, -1);
  const [length, most] = [value.at(-1)!, 8 * address.length];
  if (length > most) throw new SyntaxError(`A prefix has ${length} bits, and ${most} are all`);
  const prefix = prefixOf(addressOfBytes(address), length);
  if (addressBytes(prefix.first).every((byte, i) => byte === address[i])) return prefix;
  throw new SyntaxError("A network has host bits set");
}
