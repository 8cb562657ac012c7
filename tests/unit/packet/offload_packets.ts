/** Packets with offload as a kernel makes them, and a naive idea of what they stand for. */
import { Random } from "../../random.ts";

export const TCP = 6;
export const UDP = 17;

export type Version = 4 | 6;
export const VERSIONS: readonly Version[] = [4, 6];

/** What a packet is to be made of. */
export interface Recipe {
  version: Version;
  protocol: number;
  /** Bytes of IPv4 options, a multiple of 4, or of IPv6 extension headers, a multiple of 8. */
  ipOptions: number;
  /** Bytes of TCP options, a multiple of 4. */
  tcpOptions: number;
  payload: Uint8Array;
  flags: number;
}

export function randomRecipe(
  random: Random,
  protocol: number,
  payload: number,
  version: Version = 4,
): Recipe {
  return {
    version,
    protocol,
    ipOptions: version === 4 ? 4 * random.integer(0, 10) : 8 * random.pick([0, 0, 1, 2, 3, 5]),
    tcpOptions: 4 * random.integer(0, 10),
    payload: random.bytes(payload),
    flags: random.integer(0, 255),
  };
}

/** Length of the IP header with its options, or its extension headers. */
export function ipHeadersLength({ version, ipOptions }: Recipe): number {
  return (version === 4 ? 20 : 40) + ipOptions;
}

export function headersLength(recipe: Recipe): number {
  return ipHeadersLength(recipe) + (recipe.protocol === TCP ? 20 + recipe.tcpOptions : 8);
}

/** A packet whose IPv4 checksum is right, and whose TCP or UDP checksum is that of the pseudo-header. */
export function unfinished(recipe: Recipe): Uint8Array {
  const { protocol, tcpOptions, payload, flags } = recipe;
  const start = ipHeadersLength(recipe);
  const bytes = new Uint8Array(headersLength(recipe) + payload.length);
  const view = new DataView(bytes.buffer);
  if (recipe.version === 4) writeIpv4(bytes, recipe);
  else writeIpv6(bytes, recipe);
  view.setUint16(start, 40_000);
  view.setUint16(start + 2, 443);
  if (protocol === TCP) {
    view.setUint32(start + 4, 0xffffff00);
    bytes[start + 12] = (5 + tcpOptions / 4) << 4;
    bytes[start + 13] = flags;
  } else {
    view.setUint16(start + 4, bytes.length - start);
  }
  view.setUint16(start + (protocol === TCP ? 16 : 6), sum(pseudoHeader(bytes, start, protocol)));
  bytes.set(payload, headersLength(recipe));
  return bytes;
}

function writeIpv4(bytes: Uint8Array, { protocol, ipOptions }: Recipe): void {
  const view = new DataView(bytes.buffer);
  const start = 20 + ipOptions;
  bytes[0] = 0x40 | (start / 4);
  view.setUint16(2, bytes.length);
  view.setUint16(4, 0xfffe);
  bytes.set([0x40, 0, 64, protocol], 6);
  bytes.set([10, 0, 0, 2, 10, 0, 0, 1], 12);
  bytes.fill(1, 20, start);
  view.setUint16(10, 0xffff - sum(bytes.subarray(0, start)));
}

/** Of the extension headers the first 8 bytes are hop-by-hop options, the rest destination options. */
function writeIpv6(bytes: Uint8Array, { protocol, ipOptions }: Recipe): void {
  const view = new DataView(bytes.buffer);
  const [hopByHop, destinationOptions, padN] = [0, 60, 1];
  bytes.set([0x60, 0x01, 0x23, 0x45], 0);
  view.setUint16(4, bytes.length - 40);
  bytes.set([ipOptions > 0 ? hopByHop : protocol, 64], 6);
  bytes.set(Uint8Array.fromHex("fd000000000000000000000000000002"), 8);
  bytes.set(Uint8Array.fromHex("fd000000000000000000000000000001"), 24);
  if (ipOptions === 0) return;
  bytes.set([ipOptions > 8 ? destinationOptions : protocol, 0, padN, 4], 40);
  if (ipOptions > 8) bytes.set([protocol, ipOptions / 8 - 2, padN, ipOptions - 8 - 4], 48);
}

/** Whether all checksums of an ordinary packet are right. */
export function isSound(packet: Uint8Array): boolean {
  const { start, protocol } = transportOf(packet);
  const rest = [...pseudoHeader(packet, start, protocol), ...packet.subarray(start)];
  const isIpSound = packet[0]! >> 4 === 6 || sum(packet.subarray(0, start)) === 0xffff;
  return isIpSound && sum(Uint8Array.from(rest)) === 0xffff;
}

/** Where the payload of an IP packet begins, and its protocol, of one whose headers are right. */
export function transportOf(packet: Uint8Array): { start: number; protocol: number } {
  if (packet[0]! >> 4 === 4) return { start: (packet[0]! & 15) * 4, protocol: packet[9]! };
  let [start, protocol] = [40, packet[6]!];
  while ([0, 43, 60].includes(protocol)) {
    protocol = packet[start]!;
    start += 8 + 8 * packet[start + 1]!;
  }
  return { start, protocol };
}

/** RFC 1071, as it is written there. */
export function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total % 0x10000) + Math.floor(total / 0x10000);
  return total;
}

/** RFC 793, 3.1, and RFC 8200, 8.1. */
export function pseudoHeader(packet: Uint8Array, start: number, protocol: number): Uint8Array {
  const addresses = packet[0]! >> 4 === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const length = packet.length - start;
  return Uint8Array.of(...addresses, 0, protocol, length >> 8, length & 255);
}
