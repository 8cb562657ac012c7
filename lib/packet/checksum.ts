/** The internet checksum (RFC 1071) and where it stands in the headers that have one. */

/** The ones' complement sum of `length` bytes at `offset`, folded to 16 bits, added to `sum`. */
export function addSum(bytes: Uint8Array, offset: number, length: number, sum = 0): number {
  const even = offset + (length & ~1);
  for (let at = offset; at < even; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  if (length & 1) sum += bytes[even]! << 8;
  return fold(sum);
}

/** The 16-bit ones' complement sum that `sum` stands for. */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** The checksum that makes the sum over a header right: the complement of `sum`. */
export function complement(sum: number): number {
  return ~sum & 0xffff;
}

/** Writes a big-endian 16-bit integer. */
export function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >> 8;
  bytes[offset + 1] = value;
}

/** The big-endian 16-bit integer at `offset`. */
export function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/**
 * Finishes a checksum that covers everything from `start` up to `end`, and whose field, at `field`,
 * holds the sum of the pseudo-header so far (CHECKSUM_PARTIAL, linux/skbuff.h).
 */
export function finishChecksum(
  bytes: Uint8Array,
  start: number,
  end: number,
  field: number,
): void {
  const checksum = complement(addSum(bytes, start, end - start));
  // A UDP checksum of 0 means "none" (RFC 768); 0xffff is the same number in ones' complement.
  writeUint16(bytes, field, checksum || 0xffff);
}
