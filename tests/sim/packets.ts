/** Packets for tests, with addresses as text. */
import { addressOfBytes, formatAddress } from "../../lib/address/ip_address.ts";
import { parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { ipv6Bytes, parseIpv6 } from "../../lib/address/ipv6_address.ts";
import { IPV4_HEADER_LENGTH } from "../../lib/packet/ipv4.ts";
import { IPV6_HEADER_LENGTH } from "../../lib/packet/ipv6.ts";
import { CONTROL_LENGTH, writeControl } from "../../lib/protocol/classic.ts";

/** An IPv4 packet of protocol 253, which is kept for experiments (RFC 3692, 2.1). */
export function ipv4Packet(
  source: string,
  destination: string,
  payload: Uint8Array = new Uint8Array(8),
): Uint8Array {
  const length = IPV4_HEADER_LENGTH + payload.length;
  const packet = new Uint8Array(length);
  packet.set([0x45, 0, length >> 8, length & 255, 0, 0, 0, 0, 64, 253]);
  packet.set(source.split(".").map(Number), 12);
  packet.set(destination.split(".").map(Number), 16);
  packet.set(payload, IPV4_HEADER_LENGTH);
  return packet;
}

/** An IPv6 packet without a next header (59, RFC 8200, 4.7). */
export function ipv6Packet(
  source = "2001:db8::1",
  destination = "2001:db8::2",
  payload: Uint8Array = new Uint8Array(8),
): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER_LENGTH + payload.length);
  packet.set([0x60, 0, 0, 0, payload.length >> 8, payload.length & 255, 59, 255]);
  packet.set(ipv6Bytes(parseIpv6(source)), 8);
  packet.set(ipv6Bytes(parseIpv6(destination)), 24);
  packet.set(payload, IPV6_HEADER_LENGTH);
  return packet;
}

/** A control packet of the classic protocol. */
export function control(source: string, destination: string): Uint8Array {
  const packet = new Uint8Array(CONTROL_LENGTH);
  writeControl(packet, 0, parseIpv4(source), parseIpv4(destination));
  return packet;
}

export const DYNAMIC_REQUEST = control("0.0.0.0", "0.0.0.0");
export const KEEPALIVE = control("255.255.255.255", "255.255.255.255");

export function staticRequest(address: string): Uint8Array {
  return control(address, "0.0.0.0");
}

export function reply(address: string): Uint8Array {
  return control("0.0.0.0", address);
}

/** "source > destination" of each packet, to compare at a glance. */
export function summaries(packets: readonly Uint8Array[]): string[] {
  return packets.map((packet) => {
    const [source, destination, end] = packet[0]! >> 4 === 6 ? [8, 24, 40] : [12, 16, 20];
    const text = (from: number, to: number): string =>
      formatAddress(addressOfBytes(packet.subarray(from, to)));
    return `${text(source, destination)} > ${text(destination, end)}`;
  });
}
