import { Buffer } from "node:buffer";

/** Bytes as base64 (RFC 4648, 4), as keys are written in files and tables. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** Bytes as base64url without padding (RFC 4648, 5), as they are written in invites. */
export function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

/**
 * Reads `length` bytes of base64 or base64url, padded or not. There is one way to write them, so that
 * equal keys are equal texts.
 *
 * @throws {SyntaxError} if the text is anything else; the text itself, which may be secret, is not told
 */
export function fromBase64(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  const plain = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  if (bytes.length !== length || toBase64(bytes).replace(/=+$/, "") !== plain) {
    throw new SyntaxError(`It is not ${length} bytes in base64`);
  }
  return bytes;
}
