/** Copies between two places, which may be in one buffer, without making views where that is so. */
export function copyBytes(
  target: Uint8Array,
  to: number,
  source: Uint8Array,
  offset: number,
  length: number,
): void {
  if (source === target) target.copyWithin(to, offset, offset + length);
  else target.set(source.subarray(offset, offset + length), to);
}
