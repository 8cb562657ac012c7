import { assert, assertEquals } from "@std/assert";
import { Ipv6Packet } from "../../../lib/packet/ipv6.ts";
import { Random } from "../../random.ts";

interface Fields {
  payloadLength: number;
  nextHeader: number;
  source: string;
  destination: string;
}

function fields({ payloadLength, nextHeader, source, destination }: Ipv6Packet): Fields {
  return { payloadLength, nextHeader, source: source.toHex(), destination: destination.toHex() };
}

/** RFC 8200 by its hexadecimal digits. */
function model(packet: Uint8Array): Fields | undefined {
  const digits = packet.toHex();
  const payloadLength = parseInt(digits.slice(8, 12), 16);
  if (digits.length < 80 || digits[0] !== "6" || digits.length !== 80 + 2 * payloadLength) {
    return undefined;
  }
  const nextHeader = parseInt(digits.slice(12, 14), 16);
  return {
    payloadLength,
    nextHeader,
    source: digits.slice(16, 48),
    destination: digits.slice(48, 80),
  };
}

/** Random bytes, more often than not with a header that fits them, or nearly. */
function almostPacket(random: Random): Uint8Array {
  const bytes = random.bytes(random.integer(0, 100));
  if (bytes.length < 6 || random.next() < 0.1) return bytes;
  bytes[0] = random.pick([0x60, 0x6f, 0x61, 0x45, 0x70]);
  bytes[4] = 0;
  bytes[5] = Math.max(0, bytes.length - 40) + random.pick([0, 0, 0, 1, -1]);
  return bytes;
}

Deno.test("Ipv6Packet reads the header of a real packet", () => {
  const bytes = Uint8Array.fromHex(
    "6001234500083aff" + "fe800000000000000000000000000001" + "ff020000000000000000000000000002" +
      "8500000000000000",
  );
  const packet = new Ipv6Packet();
  assert(packet.set(bytes, 0, bytes.length));
  assertEquals(fields(packet), {
    payloadLength: 8,
    nextHeader: 58,
    source: "fe800000000000000000000000000001",
    destination: "ff020000000000000000000000000002",
  });
});

Deno.test("Ipv6Packet.set() accepts the longest packet and nothing longer", () => {
  const bytes = new Uint8Array(40 + 65535 + 1);
  bytes.set([0x60, 0, 0, 0, 0xff, 0xff]);
  assert(new Ipv6Packet().set(bytes, 0, 40 + 65535));
  assert(!new Ipv6Packet().set(bytes, 0, 40 + 65535 + 1));
});

Deno.test("Ipv6Packet agrees with a naive model about any bytes at any place in a buffer", () => {
  const random = new Random(3);
  const buffer = random.bytes(400);
  const packet = new Ipv6Packet();
  let valid = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = almostPacket(random);
    const offset = random.integer(0, 300);
    buffer.set(bytes, offset);
    const accepted = packet.set(buffer, offset, bytes.length);
    assertEquals(accepted ? fields(packet) : undefined, model(bytes), bytes.toHex());
    if (accepted) valid++;
  }
  assert(valid > 2_000 && valid < 18_000, `${valid} of the packets were valid`);
});
