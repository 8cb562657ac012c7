/**
 * Reads UTF-8 until the other end has no more, or until `end` came, which is left out with all behind it.
 *
 * @param most bytes
 * @throws {RangeError} if it is longer than that
 */
export async function readToEnd(
  reader: { read(bytes: Uint8Array): Promise<number | null> },
  most: number,
  end?: string,
): Promise<string> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(Math.min(most + 1, 64 * 1024));
  let text = "";
  for (let length = 0;;) {
    const count = await reader.read(chunk);
    if (count === null) return text + decoder.decode();
    length += count;
    if (length > most) throw new RangeError(`longer than ${most} bytes`);
    const from = Math.max(0, text.length - (end?.length ?? 0));
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
    const at = end === undefined ? -1 : text.indexOf(end, from);
    if (at >= 0) return text.slice(0, at);
  }
}

/** Writes a text whole, as UTF-8. */
export async function writeAll(
  writer: { write(bytes: Uint8Array): Promise<number> },
  text: string,
): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await writer.write(bytes.subarray(at));
}
