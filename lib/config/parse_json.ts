/**
 * Reads JSON that may hold secrets. What `JSON.parse()` says of a fault repeats the text around it, line
 * breaks among it; this says at most where it is.
 *
 * @throws {SyntaxError} with one line
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = / \(line \d+ column \d+\)$/.exec((error as Error).message)?.[0] ?? "";
    throw new SyntaxError(`It is no JSON${place}`);
  }
}
