import { addSum, complement, writeUint16 } from "../packet/checksum.ts";

const VIRTIO_HEADER = 10;
const IP_HEADER = 20;
const TCP_HEADER = 20;
const SEGMENT = 1000;
const SEGMENTS = 3;
const TCP = 6;

/**
 * A virtio_net_hdr and a TCP super-packet of IPv4 as a TUN device takes them. It goes nowhere: what comes
 * from an interface to 127.0.0.2 is dropped without an answer (RFC 1122, 3.2.1.3).
 */
export function superPacketFrame(): Uint8Array {
  const length = IP_HEADER + TCP_HEADER + SEGMENTS * SEGMENT;
  const bytes = new Uint8Array(VIRTIO_HEADER + length);
  const header = new DataView(bytes.buffer);
  header.setUint8(0, 1); // VIRTIO_NET_HDR_F_NEEDS_CSUM
  header.setUint8(1, 1); // VIRTIO_NET_HDR_GSO_TCPV4
  header.setUint16(2, IP_HEADER + TCP_HEADER, true);
  header.setUint16(4, SEGMENT, true);
  header.setUint16(6, IP_HEADER, true);
  header.setUint16(8, 16, true); // where TCP has its checksum
  const ip = VIRTIO_HEADER;
  bytes[ip] = 0x45;
  writeUint16(bytes, ip + 2, length);
  bytes[ip + 8] = 1; // time to live
  bytes[ip + 9] = TCP;
  bytes.set([192, 0, 2, 1, 127, 0, 0, 2], ip + 12);
  writeUint16(bytes, ip + 10, complement(addSum(bytes, ip, IP_HEADER)));
  const tcp = ip + IP_HEADER;
  bytes[tcp + 12] = (TCP_HEADER / 4) << 4;
  bytes[tcp + 13] = 0x10; // ACK
  // The sum of the pseudo-header alone, which the kernel goes on from.
  const sum = addSum(bytes, ip + 12, 8, TCP + length - IP_HEADER);
  writeUint16(bytes, tcp + 16, sum);
  return bytes;
}
