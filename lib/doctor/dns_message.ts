/** The least of DNS (RFC 1035, 4.1) that tells whether a server answers. */

const HEADER_LENGTH = 12;
/** Recursion desired. */
const FLAG_RD = 0x0100;
/** It is an answer. */
const FLAG_QR = 0x8000;
const RCODE_MASK = 0x000f;
const TYPE_NS = 2;
const CLASS_IN = 1;

/** A question for the name servers of the root, which every server that resolves names can answer. */
export function writeRootQuery(id: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH + 1 + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, FLAG_RD);
  view.setUint16(4, 1);
  view.setUint16(HEADER_LENGTH + 1, TYPE_NS);
  view.setUint16(HEADER_LENGTH + 3, CLASS_IN);
  return bytes;
}

/** The response code of an answer to the question `id`; undefined if it is none. */
export function responseCode(bytes: Uint8Array, id: number): number | undefined {
  if (bytes.length < HEADER_LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint16(2);
  return view.getUint16(0) === id && (flags & FLAG_QR) !== 0 ? flags & RCODE_MASK : undefined;
}

/** The addresses in the text of a resolv.conf(5), at most three as the C library takes them. */
export function readNameservers(text: string): string[] {
  const found = [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, address]) => address!);
  return found.length === 0 ? ["127.0.0.1"] : found.slice(0, 3);
}
