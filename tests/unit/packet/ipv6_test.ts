import { assert, assertEquals } from "@std/assert";
import { Ipv6Packet, Ipv6Payload } from "../../../lib/packet/ipv6.ts";
import { Random } from "../../random.ts";

interface Fields {
  payloadLength: number;
  nextHeader: number;
  source: string;
  destination: string;
}

function fields(packet: Ipv6Packet, bytes: Uint8Array): Fields {
  const { payloadLength, nextHeader, sourceAt, destinationAt } = packet;
  const address = (at: number): string => bytes.subarray(at, at + 16).toHex();
  return {
    payloadLength,
    nextHeader,
    source: address(sourceAt),
    destination: address(destinationAt),
  };
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
  assertEquals(fields(packet, bytes), {
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
    assertEquals(accepted ? fields(packet, buffer) : undefined, model(bytes), bytes.toHex());
    if (accepted) valid++;
  }
  assert(valid > 2_000 && valid < 18_000, `${valid} of the packets were valid`);
});

/** What follows the extension headers, by RFC 8200, 4, read from a list of the headers' bytes. */
function payloadModel(packet: Uint8Array): { protocol: number; start: number } | undefined {
  let rest = [...packet.subarray(40)];
  let protocol = packet[6]!;
  for (let headers = 0; [0, 43, 60].includes(protocol); headers++) {
    const length = (rest[1]! + 1) * 8;
    if (headers === 8 || rest.length < 8 || rest.length < length) return undefined;
    protocol = rest[0]!;
    rest = rest.slice(length);
  }
  return { protocol, start: packet.length - rest.length };
}

Deno.test("Ipv6Payload agrees with a naive model about any chain of extension headers", () => {
  const random = new Random(12);
  const payload = new Ipv6Payload();
  const seen = { found: 0, refused: 0, stepped: 0 };
  for (let i = 0; i < 20_000; i++) {
    const packet = random.bytes(40 + 8 * random.integer(0, 14) + random.integer(0, 9));
    packet[0] = 0x60;
    const kinds = [0, 43, 60, 6, 17, 44, 51, 59];
    packet[6] = random.pick(kinds);
    for (let at = 40; at + 8 <= packet.length; at += 8) {
      packet[at] = random.next() < 0.8 ? random.pick([0, 43, 60]) : random.pick(kinds);
      packet[at + 1] = random.next() < 0.97 ? random.pick([0, 0, 0, 1]) : 255;
    }
    const found = payload.set(packet, 0, packet.length);
    const { protocol, start } = payload;
    assertEquals(found ? { protocol, start } : undefined, payloadModel(packet), packet.toHex());
    seen[!found ? "refused" : start > 40 ? "stepped" : "found"]++;
  }
  for (const count of Object.values(seen)) assert(count > 1000, JSON.stringify(seen));
});
