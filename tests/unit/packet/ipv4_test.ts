import { assert, assertEquals } from "@std/assert";
import {
  IPV4_HEADER_LENGTH,
  Ipv4Packet,
  ipVersion,
  readUint32,
  writeUint32,
} from "../../../lib/packet/ipv4.ts";
import { Random } from "../../random.ts";

/** A ping of 84 bytes from 10.0.0.2 to 10.0.0.1, as Linux sends it. */
const PING_HEADER = Uint8Array.fromHex("45000054a1b240004001852c0a0000020a000001");

interface Fields {
  headerLength: number;
  totalLength: number;
  protocol: number;
  source: number;
  destination: number;
}

function fields(packet: Ipv4Packet): Fields {
  const { headerLength, totalLength, protocol, source, destination } = packet;
  return { headerLength, totalLength, protocol, source, destination };
}

/** RFC 791 by its hexadecimal digits: a model as unlike the view as can be. */
function model(packet: Uint8Array): Fields | undefined {
  const digits = packet.toHex();
  const read = (from: number, to: number): number => parseInt(digits.slice(from, to), 16);
  const result = {
    headerLength: 4 * read(1, 2),
    totalLength: read(4, 8),
    protocol: read(18, 20),
    source: read(24, 32),
    destination: read(32, 40),
  };
  const whole = digits.length >= 40 && digits.startsWith("4") && result.headerLength >= 20 &&
    result.headerLength <= result.totalLength && result.totalLength === packet.length;
  return whole ? result : undefined;
}

/** Random bytes, more often than not with a header that fits them, or nearly. */
function almostPacket(random: Random): Uint8Array {
  const bytes = random.bytes(random.integer(0, 80));
  if (bytes.length < 4 || random.next() < 0.1) return bytes;
  bytes[0] = random.pick([0x45, 0x45, 0x46, 0x4f, 0x44, 0x40, 0x55, 0x65]);
  bytes[2] = 0;
  bytes[3] = bytes.length + random.pick([0, 0, 0, 1, -1]);
  return bytes;
}

Deno.test("Ipv4Packet reads the header of a real packet", () => {
  const bytes = new Uint8Array(84);
  bytes.set(PING_HEADER);
  const packet = new Ipv4Packet();
  assert(packet.set(bytes, 0, bytes.length));
  assertEquals(fields(packet), {
    headerLength: 20,
    totalLength: 84,
    protocol: 1,
    source: 0x0a000002,
    destination: 0x0a000001,
  });
});

Deno.test("Ipv4Packet.set() refuses a packet that is cut short or followed by more", () => {
  const bytes = new Uint8Array(100);
  bytes.set(PING_HEADER);
  const packet = new Ipv4Packet();
  for (let length = 0; length <= bytes.length; length++) {
    assertEquals(packet.set(bytes, 0, length), length === 84, `${length} bytes`);
  }
});

Deno.test("Ipv4Packet.set() refuses the Total Length 0 of a control packet", () => {
  const bytes = PING_HEADER.slice();
  bytes.set([0, 0], 2);
  assert(!new Ipv4Packet().set(bytes, 0, IPV4_HEADER_LENGTH));
});

Deno.test("Ipv4Packet agrees with a naive model about any bytes at any place in a buffer", () => {
  const random = new Random(1);
  const buffer = random.bytes(400);
  const packet = new Ipv4Packet();
  let valid = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = almostPacket(random);
    const offset = random.integer(0, 300);
    buffer.set(bytes, offset);
    const expected = model(bytes);
    const accepted = packet.set(buffer, offset, bytes.length);
    assertEquals(accepted ? fields(packet) : undefined, expected, bytes.toHex());
    if (accepted) valid++;
  }
  assert(valid > 2_000 && valid < 18_000, `${valid} of the packets were valid`);
});

Deno.test("writeUint32() writes what readUint32() and a DataView read", () => {
  const random = new Random(2);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 10_000; i++) {
    const value = random.pick([
      0,
      1,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32 - 1,
      random.integer(0, 2 ** 32 - 1),
    ]);
    const offset = random.integer(0, 12);
    writeUint32(bytes, offset, value);
    assertEquals([readUint32(bytes, offset), view.getUint32(offset)], [value, value]);
  }
});

Deno.test("ipVersion() reads the upper half of the first byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let i = 0; i < 256; i++) assertEquals(ipVersion(bytes, i), Math.floor(i / 16));
});
