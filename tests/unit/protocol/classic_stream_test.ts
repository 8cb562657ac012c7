import { assert, assertEquals } from "@std/assert";
import { LIMITED_BROADCAST } from "../../../lib/address/ipv4_address.ts";
import {
  CONTROL_LENGTH,
  frameLength,
  INCOMPLETE,
  LOST,
  MAX_PACKET_LENGTH,
  receiveStream,
  type StreamReceiver,
} from "../../../lib/protocol/classic.ts";
import { Random } from "../../random.ts";
import { control, ipv4, ipv6 } from "./packets.ts";

/** Takes a stream in pieces as a connection gives them, and keeps what is left over in between. */
class Reader implements StreamReceiver {
  readonly packets: string[] = [];
  lost = false;
  /** How many packets to take before saying "no more". */
  patience = Infinity;
  #rest = new Uint8Array(0);

  feed(piece: Uint8Array): void {
    if (this.lost) return;
    const offset = this.packets.length % 7;
    const bytes = new Uint8Array(offset + this.#rest.length + piece.length + 3).fill(0x45);
    bytes.set(this.#rest, offset);
    bytes.set(piece, offset + this.#rest.length);
    const length = this.#rest.length + piece.length;
    const done = receiveStream(this, bytes, offset, length);
    this.lost = done === LOST;
    this.#rest = bytes.slice(offset + done, offset + length);
  }

  receivePacket(bytes: Uint8Array, offset: number, length: number): boolean {
    this.packets.push(bytes.subarray(offset, offset + length).toHex());
    return this.packets.length < this.patience;
  }

  get waiting(): number {
    return this.#rest.length;
  }
}

/** Cuts a whole stream, in hexadecimal digits, by the letter of the specification. */
function cut(digits: string): { packets: string[]; lost: boolean } {
  const read = (from: number, to: number): number => parseInt(digits.slice(from, to), 16);
  const bytes = digits.length / 2;
  const packets: string[] = [];
  let length = Infinity;
  if (digits[0] === "4" && bytes >= 4) {
    length = read(4, 8) === 0 ? 20 : read(4, 8);
    if (4 * read(1, 2) < 20 || length < 4 * read(1, 2)) return { packets, lost: true };
  } else if (digits[0] === "6" && bytes >= 6) {
    length = 40 + read(8, 12);
  } else if (bytes > 0 && digits[0] !== "4" && digits[0] !== "6") {
    return { packets, lost: true };
  }
  if (length > bytes) return { packets, lost: false };
  const { packets: more, lost } = cut(digits.slice(2 * length));
  return { packets: [digits.slice(0, 2 * length), ...more], lost };
}

function randomPacket(random: Random): Uint8Array {
  const most = random.pick([60, 60, 200, 1500]);
  switch (random.integer(0, 4)) {
    case 0:
      return control(
        random.pick([0, 1, LIMITED_BROADCAST]),
        random.pick([0, 1, LIMITED_BROADCAST]),
      );
    case 1:
      return ipv6(random.integer(0, most), random);
    case 2:
      return ipv4(CONTROL_LENGTH, 20, random);
    default: {
      const headerLength = 4 * random.integer(5, 15);
      return ipv4(random.integer(headerLength, headerLength + most), headerLength, random);
    }
  }
}

function join(packets: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.fromHex(packets.map((packet) => packet.toHex()).join(""));
}

/** Feeds a stream in pieces of 1 to `most` bytes. */
function read(stream: Uint8Array, random: Random, most: number): Reader {
  const reader = new Reader();
  for (let at = 0; at < stream.length;) {
    const length = random.integer(1, most);
    reader.feed(stream.subarray(at, at + length));
    at += length;
  }
  return reader;
}

/** Bytes that often pass for the beginnings of packets. */
function rubbish(random: Random): Uint8Array {
  const bytes = random.bytes(random.integer(0, 60));
  for (let at = 0; at < bytes.length; at += random.integer(4, 24)) {
    const first = random.pick([0x45, 0x45, 0x46, 0x4f, 0x44, 0x60, 0x00, 0x16]);
    const lengths = random.pick([[0, 0], [0, 20], [0, 19], [0, 24], [0, 4], [255, 255]]);
    bytes.set([first, 0, ...lengths, 0, random.integer(0, 9)].slice(0, bytes.length - at), at);
  }
  return bytes;
}

Deno.test("receiveStream() gives the same packets wherever the stream is cut", () => {
  const random = new Random(13);
  for (let i = 0; i < 60; i++) {
    const packets = Array.from({ length: random.integer(1, 12) }, () => randomPacket(random));
    const stream = join(packets);
    for (const most of [1, 5, 45, 3000, stream.length]) {
      const reader = read(stream, random, most);
      assertEquals(reader.packets, packets.map((packet) => packet.toHex()));
      assertEquals([reader.lost, reader.waiting], [false, 0]);
    }
  }
});

Deno.test("receiveStream() takes the longest packets of both versions", () => {
  const stream = join([ipv4(65535), ipv6(65535), ipv4(20)]);
  assertEquals(ipv6(65535).length, MAX_PACKET_LENGTH);
  const reader = read(stream, new Random(14), 50_000);
  assertEquals(reader.packets.map((packet) => packet.length / 2), [65535, 65575, 20]);
});

Deno.test("receiveStream() agrees with a naive model about any bytes, cut anywhere", () => {
  const random = new Random(15);
  let [lost, found] = [0, 0];
  for (let i = 0; i < 10_000; i++) {
    const packets = Array.from({ length: random.integer(0, 2) }, () => randomPacket(random));
    const stream = join([...packets, rubbish(random)]);
    const expected = cut(stream.toHex());
    const reader = read(stream, random, random.pick([1, 10, 2000]));
    assertEquals({ packets: reader.packets, lost: reader.lost }, expected, stream.toHex());
    if (!expected.lost) {
      assertEquals(reader.waiting, stream.length - expected.packets.join("").length / 2);
    }
    if (expected.lost) lost++;
    if (expected.packets.length > packets.length) found++;
  }
  assert(lost > 2_000 && lost < 9_000, `${lost} of the streams were lost`);
  assert(found > 500, `only ${found} packets were found in rubbish`);
});

Deno.test("receiveStream() stops, and is done with everything, when the receiver wants no more", () => {
  const reader = new Reader();
  reader.patience = 2;
  reader.feed(join([ipv4(30), ipv6(7), ipv4(40), new Uint8Array(9)]));
  assertEquals([reader.packets.length, reader.lost, reader.waiting], [2, false, 0]);
});

Deno.test("frameLength() takes a Total Length of 0 for a control packet's 20 bytes", () => {
  const header = [0x45, 0x14, 0, 0];
  assertEquals(frameLength(new Uint8Array(header), 0, 4), CONTROL_LENGTH);
  assertEquals(frameLength(new Uint8Array([0x45, 0, 0, 20]), 0, 4), CONTROL_LENGTH);
});

Deno.test("frameLength() is LOST when no packet can begin so", () => {
  const beginnings = [
    [0x44, 0, 0, 100], // a header of 16 bytes
    [0x40, 0, 0, 0],
    [0x45, 0, 0, 19], // shorter than a header
    [0x46, 0, 0, 23], // shorter than its own header
    [0x46, 0, 0, 0], // a control packet with options
    ...[0, 1, 2, 3, 5, 7, 8, 15].map((version) => [version << 4]),
  ];
  for (const bytes of beginnings) {
    assertEquals(frameLength(new Uint8Array(bytes), 0, bytes.length), LOST, `${bytes}`);
  }
});

Deno.test("frameLength() is INCOMPLETE until the length is there, whatever lies behind", () => {
  const [four, six] = [ipv4(300), ipv6(300)];
  for (const available of [0, 1, 2, 3]) assertEquals(frameLength(four, 0, available), INCOMPLETE);
  for (const available of [0, 1, 2, 3, 4, 5]) {
    assertEquals(frameLength(six, 0, available), INCOMPLETE);
  }
  assertEquals([frameLength(four, 0, 4), frameLength(six, 0, 6)], [300, 340]);
});

Deno.test("frameLength() promises no packet shorter than a header or longer than the longest", () => {
  const random = new Random(16);
  for (let i = 0; i < 50_000; i++) {
    const bytes = random.bytes(6);
    bytes[0] = random.pick([0x45, 0x4f, 0x60, bytes[0]!]);
    const length = frameLength(bytes, 0, bytes.length);
    assert(length === LOST || (length >= 20 && length <= MAX_PACKET_LENGTH), bytes.toHex());
  }
});
