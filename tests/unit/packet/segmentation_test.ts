import { assert, assertEquals } from "@std/assert";
import { offloadOf, PacketKind, WHOLE } from "../../../lib/packet/offload.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { Random } from "../../random.ts";
import {
  headersLength,
  ipHeadersLength,
  isSound,
  randomRecipe,
  type Recipe,
  TCP,
  UDP,
  unfinished,
  VERSIONS,
} from "./offload_packets.ts";

const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;

/** The packets that `segment()` gives; undefined if it refuses. */
function segments(packet: Uint8Array, kind: number, gsoSize: number): Uint8Array[] | undefined {
  const given: Uint8Array[] = [];
  const margin = 5;
  const bytes = new Uint8Array(packet.length + 2 * margin);
  bytes.set(packet, margin);
  const offload = offloadOf(kind, gsoSize);
  const done = new Segmenter().segment(
    bytes,
    margin,
    packet.length,
    offload,
    (bytes, at, length) => {
      given.push(bytes.slice(at, at + length));
    },
  );
  return done ? given : undefined;
}

/** What the headers of the i-th of n segments say, field by field. */
function assertSegment(
  recipe: Recipe,
  segment: Uint8Array,
  i: number,
  n: number,
  done: number,
): void {
  const view = new DataView(segment.buffer);
  const start = ipHeadersLength(recipe);
  assert(isSound(segment), `segment ${i}`);
  if (recipe.version === 4) {
    assertEquals(view.getUint16(2), segment.length);
    assertEquals(view.getUint16(4), (0xfffe + i) % 0x10000);
  } else {
    assertEquals(view.getUint16(4), segment.length - 40);
  }
  if (recipe.protocol === UDP) {
    return assertEquals(view.getUint16(start + 4), segment.length - start);
  }
  assertEquals(view.getUint32(start + 4), (0xffffff00 + done) % 2 ** 32);
  const kept = ~((i < n - 1 ? FIN | PSH : 0) | (i > 0 ? CWR : 0)) & 255;
  assertEquals(segment[start + 13], recipe.flags & kept);
}

for (
  const [protocol, kind] of [[TCP, PacketKind.TcpSegments], [UDP, PacketKind.UdpSegments]] as const
) {
  Deno.test(`segment() cuts ${PacketKind[kind]} as a kernel would`, () => {
    const random = new Random(kind);
    for (let round = 0; round < 200; round++) {
      const version = random.pick(VERSIONS);
      const recipe = randomRecipe(random, protocol, random.integer(1, 20_000), version);
      const gsoSize = random.integer(200, 3200);
      const cut = segments(unfinished(recipe), kind, gsoSize)!;
      assertEquals(cut.length, Math.ceil(recipe.payload.length / gsoSize));
      const payload = cut.flatMap((segment) => [...segment.subarray(headersLength(recipe))]);
      assertEquals(Uint8Array.from(payload), recipe.payload);
      cut.forEach((segment, i) => assertSegment(recipe, segment, i, cut.length, i * gsoSize));
    }
  });
}

Deno.test("segment() finishes the checksum of a packet that wants no more", () => {
  const random = new Random(7);
  for (const protocol of [TCP, UDP]) {
    for (const length of [0, 1, 2, 1399, 1400]) {
      for (const version of VERSIONS) {
        const packet = unfinished(randomRecipe(random, protocol, length, version));
        const [finished, ...others] = segments(packet, PacketKind.PartialChecksum, 0)!;
        assert(isSound(finished!));
        assertEquals(others, []);
      }
    }
  }
});

Deno.test("segment() passes an ordinary packet on as it is", () => {
  const packet = new Random(8).bytes(100);
  assertEquals(segments(packet, PacketKind.Whole, 0), [packet]);
  assertEquals(offloadOf(PacketKind.Whole, 0), WHOLE);
});

Deno.test("segment() refuses what the packet is not: a size of 0, another protocol, a fragment", () => {
  const random = new Random(9);
  const tcp = unfinished(randomRecipe(random, TCP, 5000));
  const udp = unfinished(randomRecipe(random, UDP, 5000));
  assertEquals(segments(tcp, PacketKind.TcpSegments, 0), undefined);
  assertEquals(segments(tcp, PacketKind.UdpSegments, 1000), undefined);
  assertEquals(segments(udp, PacketKind.TcpSegments, 1000), undefined);
  for (const [byte, value] of [[6, 0x20], [7, 1], [9, 1]] as const) {
    const other = tcp.slice();
    other[byte] = value;
    assertEquals(segments(other, PacketKind.TcpSegments, 1000), undefined);
    assertEquals(segments(other, PacketKind.PartialChecksum, 0), undefined);
  }
  const ipv6 = unfinished({ ...randomRecipe(random, TCP, 5000, 6), ipOptions: 16 });
  // A fragment header, an unknown protocol, and an extension header that goes beyond the end.
  for (const [byte, value] of [[6, 44], [48, 44], [6, 132], [48, 51], [49, 255]] as const) {
    const other = ipv6.slice(0, 1500);
    new DataView(other.buffer).setUint16(4, 1500 - 40);
    assert(segments(other, PacketKind.TcpSegments, 1000) !== undefined);
    other[byte] = value;
    assertEquals(segments(other, PacketKind.TcpSegments, 1000), undefined);
    assertEquals(segments(other, PacketKind.PartialChecksum, 0), undefined);
  }
});

Deno.test("segment() cuts the longest IPv6 packet, which is longer than IPv4's", () => {
  const recipe = { ...randomRecipe(new Random(11), UDP, 65_527, 6), ipOptions: 0 };
  const cut = segments(unfinished(recipe), PacketKind.UdpSegments, 1452)!;
  assertEquals(cut.length, Math.ceil(65_527 / 1452));
  for (const segment of cut) assert(isSound(segment));
});

Deno.test("segment() refuses to make more segments of a packet than any kernel would", () => {
  const random = new Random(11);
  const tcp = unfinished(randomRecipe(random, TCP, 8000));
  const udp = unfinished(randomRecipe(random, UDP, 1280));
  assertEquals(segments(tcp, PacketKind.TcpSegments, 7), undefined);
  assertEquals(segments(tcp, PacketKind.TcpSegments, 8)!.length, 1000);
  assertEquals(segments(udp, PacketKind.UdpSegments, 9), undefined);
  assertEquals(segments(udp, PacketKind.UdpSegments, 10)!.length, 128);
});

Deno.test("segment() takes any bytes for a packet without failing", () => {
  const random = new Random(10);
  for (let i = 0; i < 3000; i++) {
    const packet = unfinished(
      randomRecipe(random, random.pick([TCP, UDP]), random.integer(0, 300), random.pick(VERSIONS)),
    );
    for (let j = random.integer(1, 4); j > 0; j--) {
      packet[random.integer(0, Math.min(60, packet.length) - 1)] = random.integer(0, 255);
    }
    const cut = segments(packet, random.integer(1, 4), random.integer(0, 400)) ?? [];
    for (const segment of cut) assert(segment.length <= packet.length);
  }
});
