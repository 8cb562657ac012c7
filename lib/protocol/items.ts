/**
 * Lists of typed items, in handshake payloads and control messages:
 *
 *     u8 type | u16 length | value
 *
 * A type of 0 ends the list, whatever follows being padding. Types that are not known are passed
 * over, so that either end can be newer than the other.
 */

const HEADER_LENGTH = 3;

export interface Item {
  /** 1 to 255. */
  type: number;
  value: Uint8Array;
}

/** The bytes of a list, padded with zeros to `length` at the least. */
export function writeItems(items: readonly Item[], length = 0): Uint8Array {
  const size = items.reduce((sum, { value }) => sum + HEADER_LENGTH + value.length, 0);
  const bytes = new Uint8Array(Math.max(size, length));
  let at = 0;
  for (const { type, value } of items) {
    bytes[at] = type;
    bytes[at + 1] = value.length >> 8;
    bytes[at + 2] = value.length;
    bytes.set(value, at + HEADER_LENGTH);
    at += HEADER_LENGTH + value.length;
  }
  return bytes;
}

/** The items of a list, their values views of `bytes`. @throws {SyntaxError} if the last is cut off */
export function readItems(bytes: Uint8Array): Item[] {
  const items: Item[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const body = at + HEADER_LENGTH;
    const end = body + ((bytes[at + 1]! << 8) | bytes[at + 2]!);
    if (body > bytes.length || end > bytes.length) throw new SyntaxError("An item is cut off");
    items.push({ type: bytes[at]!, value: bytes.subarray(body, end) });
    at = end;
  }
  return items;
}

/** A big-endian unsigned integer of `length` bytes as a value. */
export function uintValue(value: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = value % 256;
    value = Math.floor(value / 256);
  }
  return bytes;
}

/**
 * Reads a value that `uintValue()` wrote.
 *
 * @throws {SyntaxError} if its length is another, or the number above 2^53-1: it would be rounded
 */
export function readUint(value: Uint8Array, length: number): number {
  if (value.length !== length) {
    throw new SyntaxError(`An item has ${value.length} bytes in place of ${length}`);
  }
  const number = value.reduce((sum, byte) => sum * 256 + byte, 0);
  if (!Number.isSafeInteger(number)) throw new SyntaxError("An item's number is too large");
  return number;
}
