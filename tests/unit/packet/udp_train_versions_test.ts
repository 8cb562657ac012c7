import { assert, assertEquals } from "@std/assert";
import { offloadOf, PacketKind } from "../../../lib/packet/offload.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { MAX_UDP_SEGMENTS, UdpTrain } from "../../../lib/packet/udp_train.ts";
import { Random } from "../../random.ts";
import {
  isSound,
  pseudoHeader,
  randomRecipe,
  sum,
  TCP,
  transportOf,
  UDP,
  unfinished,
  type Version,
  VERSIONS,
} from "./offload_packets.ts";

/** A datagram of one flow, its checksum unfinished. */
function datagram(random: Random, version: Version, payload: number): Uint8Array {
  return unfinished({ ...randomRecipe(random, UDP, payload, version), ipOptions: 0 });
}

/** Begins a train in a buffer with room, and joins the others as long as they can. */
function joined(packets: readonly Uint8Array[]): { train: UdpTrain; bytes: Uint8Array; n: number } {
  const train = new UdpTrain();
  const offset = 3;
  const bytes = new Uint8Array(70_000);
  bytes.set(packets[0]!, offset);
  train.begin(bytes, offset, packets[0]!.length);
  let n = 1;
  while (n < packets.length && train.join(packets[n]!, 0, packets[n]!.length) > 0) n++;
  return { train, bytes: bytes.slice(offset, offset + train.length), n };
}

function ordinary(packet: Uint8Array, kind: PacketKind, gsoSize: number): Uint8Array[] {
  const given: Uint8Array[] = [];
  const copy = packet.slice();
  const done = new Segmenter().segment(
    copy,
    0,
    copy.length,
    offloadOf(kind, gsoSize),
    (bytes, at, length) => given.push(bytes.slice(at, at + length)),
  );
  assert(done);
  return given;
}

for (const version of VERSIONS) {
  Deno.test(`UdpTrain joins IPv${version} packets to one that is cut into just these again`, () => {
    const random = new Random(version);
    for (let round = 0; round < 100; round++) {
      const size = random.integer(1, 1400);
      const count = random.integer(2, 70);
      const last = random.integer(1, size);
      const packets = Array.from(
        { length: count },
        (_, i) => datagram(random, version, i === count - 1 ? last : size),
      );
      // Never fragmented, so that identifications do not matter; the cut ones count from the first.
      const { train, bytes, n } = joined(packets);
      const { start, protocol } = transportOf(bytes);
      const longest = start + 8 + (count - 1) * size + last;
      const fitting = longest <= 65_535 ? count : Math.floor((65_535 - start - 8) / size);
      assertEquals(n, Math.min(fitting, MAX_UDP_SEGMENTS));
      const field = new DataView(bytes.buffer).getUint16(start + 6);
      assertEquals(field, sum(pseudoHeader(bytes, start, protocol)));
      const cut = ordinary(bytes, PacketKind.UdpSegments, train.gsoSize);
      assertEquals(cut.length, n);
      cut.forEach((segment, i) => {
        assert(isSound(segment));
        const [finished] = ordinary(packets[i]!, PacketKind.PartialChecksum, 0);
        assertEquals(segment.subarray(start), finished!.subarray(start));
      });
    }
  });
}

Deno.test("UdpTrain takes nothing of another flow, version or protocol, or longer than the first", () => {
  const random = new Random(9);
  const first = (version: Version): Uint8Array => datagram(random, version, 500);
  const changed = (packet: Uint8Array, at: number): Uint8Array => {
    const other = packet.slice();
    other[at]! ^= 1;
    return other;
  };
  // Source, destination, hop limit or TTL, traffic class, ports.
  const differing = { 4: [15, 19, 8, 1, 21, 23], 6: [23, 39, 7, 1, 3, 41, 43] };
  for (const version of VERSIONS) {
    const head = first(version);
    assertEquals(joined([head, head]).n, 2);
    for (const at of differing[version]) assertEquals(joined([head, changed(head, at)]).n, 1);
    assertEquals(joined([head, datagram(random, version, 501)]).n, 1);
    assertEquals(joined([head, first(version === 4 ? 6 : 4)]).n, 1);
    const tcp = unfinished({ ...randomRecipe(random, TCP, 500, version), ipOptions: 0 });
    assertEquals(joined([head, tcp]).n, 1);
    assertEquals(joined([tcp, tcp]).n, 1);
    const options = unfinished({ ...randomRecipe(random, UDP, 500, version), ipOptions: 8 });
    assertEquals(joined([options, options]).n, 1);
    // A shorter one is the last.
    assertEquals(joined([head, datagram(random, version, 499), head]).n, 2);
  }
});
