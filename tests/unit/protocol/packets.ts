/** Packets for the tests of the classic protocol. */
import { CONTROL_LENGTH, writeControl } from "../../../lib/protocol/classic.ts";
import { Random } from "../../random.ts";

/** An IPv4 packet of this length with a random payload. */
export function ipv4(length: number, headerLength = 20, random = new Random(0)): Uint8Array {
  const bytes = random.bytes(length);
  bytes.set([0x40 | (headerLength / 4), 0, length >> 8, length & 255]);
  return bytes;
}

/** An IPv6 packet with a random payload of this length. */
export function ipv6(payload: number, random = new Random(0)): Uint8Array {
  const bytes = random.bytes(40 + payload);
  bytes.set([0x60, 0, 0, 0, payload >> 8, payload & 255]);
  return bytes;
}

/** A control packet of the classic protocol. */
export function control(source: number, destination: number): Uint8Array {
  const bytes = new Uint8Array(CONTROL_LENGTH);
  writeControl(bytes, 0, source, destination);
  return bytes;
}
