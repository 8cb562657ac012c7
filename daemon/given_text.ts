import { Failure } from "./failure.ts";

/** Bytes of the longest text that a person gives: an invite or a key is one line. */
const MOST = 65_536;

/** All of stdin, as text. @throws {Failure} if it is longer than a person would give */
export function readAll(): Promise<string> {
  return readGiven(Deno.stdin.readable);
}

/**
 * All of a file that a person names, which may be a pipe, as text.
 *
 * @throws {Failure} if it is longer than a person would give
 * @throws {Error} of Deno.errors if it cannot be read
 */
export async function readNamed(path: string): Promise<string> {
  const file = await Deno.open(path);
  return await readGiven(file.readable);
}

/** To leave the loop closes the file. */
async function readGiven(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const piece of stream) {
    length += piece.length;
    if (length > MOST) throw new Failure(`The text is longer than ${MOST} bytes`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
