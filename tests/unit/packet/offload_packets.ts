/** Packets with offload as a kernel makes them, and a naive idea of what they stand for. */
import { Random } from "../../random.ts";

export const TCP = 6;
export const UDP = 17;

/** What a packet is to be made of. */
export interface Recipe {
  protocol: number;
  /** Bytes of IPv4 options, a multiple of 4. */
  ipOptions: number;
  /** Bytes of TCP options, a multiple of 4. */
  tcpOptions: number;
  payload: Uint8Array;
  flags: number;
}

export function randomRecipe(random: Random, protocol: number, payload: number): Recipe {
  return {
    protocol,
    ipOptions: 4 * random.integer(0, 10),
    tcpOptions: 4 * random.integer(0, 10),
    payload: random.bytes(payload),
    flags: random.integer(0, 255),
  };
}

export function headersLength({ protocol, ipOptions, tcpOptions }: Recipe): number {
  return 20 + ipOptions + (protocol === TCP ? 20 + tcpOptions : 8);
}

/** A packet whose IPv4 checksum is right, and whose TCP or UDP checksum is that of the pseudo-header. */
export function unfinished(recipe: Recipe): Uint8Array {
  const { protocol, ipOptions, tcpOptions, payload, flags } = recipe;
  const start = 20 + ipOptions;
  const bytes = new Uint8Array(headersLength(recipe) + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x40 | (start / 4);
  view.setUint16(2, bytes.length);
  view.setUint16(4, 0xfffe);
  bytes.set([0x40, 0, 64, protocol], 6);
  bytes.set([10, 0, 0, 2, 10, 0, 0, 1], 12);
  bytes.fill(1, 20, start);
  view.setUint16(10, 0xffff - sum(bytes.subarray(0, start)));
  view.setUint16(start, 40_000);
  view.setUint16(start + 2, 443);
  if (protocol === TCP) {
    view.setUint32(start + 4, 0xffffff00);
    bytes[start + 12] = (5 + tcpOptions / 4) << 4;
    bytes[start + 13] = flags;
  } else {
    view.setUint16(start + 4, bytes.length - start);
  }
  view.setUint16(start + (protocol === TCP ? 16 : 6), sum(pseudoHeader(bytes, start)));
  bytes.set(payload, headersLength(recipe));
  return bytes;
}

/** Whether all checksums of an ordinary packet are right. */
export function isSound(packet: Uint8Array): boolean {
  const start = (packet[0]! & 15) * 4;
  const rest = [...pseudoHeader(packet, start), ...packet.subarray(start)];
  return sum(packet.subarray(0, start)) === 0xffff && sum(Uint8Array.from(rest)) === 0xffff;
}

/** RFC 1071, as it is written there. */
export function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total % 0x10000) + Math.floor(total / 0x10000);
  return total;
}

function pseudoHeader(packet: Uint8Array, start: number): Uint8Array {
  const length = packet.length - start;
  return Uint8Array.of(...packet.subarray(12, 20), 0, packet[9]!, length >> 8, length & 255);
}
