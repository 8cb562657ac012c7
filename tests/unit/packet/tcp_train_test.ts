import { assert, assertEquals } from "@std/assert";
import { offloadOf, PacketKind } from "../../../lib/packet/offload.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { TcpTrain } from "../../../lib/packet/tcp_train.ts";
import { Random } from "../../random.ts";
import { headersLength, type Recipe, TCP, unfinished } from "./offload_packets.ts";

const ACK = 0x10;
const PSH = 0x08;

/** A super-packet of a stream, and the segments that it is cut into, checksums unfinished. */
function cut(recipe: Recipe, gsoSize: number): { whole: Uint8Array; segments: Uint8Array[] } {
  const whole = unfinished(recipe);
  const segments: Uint8Array[] = [];
  new Segmenter().segment(
    whole,
    0,
    whole.length,
    offloadOf(PacketKind.TcpSegments, gsoSize),
    (bytes, offset, length) => segments.push(bytes.slice(offset, offset + length)),
    65_535,
    false,
  );
  return { whole, segments };
}

/** Lays packets out with gaps between, as datagrams leave them; joins what can be; returns the train. */
function joined(packets: readonly Uint8Array[]): { train: TcpTrain; bytes: Uint8Array } {
  const gap = 38;
  const bytes = new Uint8Array(packets.reduce((sum, { length }) => sum + length + gap, gap));
  const train = new TcpTrain();
  let at = gap;
  for (const [i, packet] of packets.entries()) {
    bytes.set(packet, at);
    const took = i === 0
      ? train.begin(bytes, at, packet.length)
      : train.join(bytes, at, packet.length);
    if (!took) break;
    at += packet.length + gap;
  }
  return { train, bytes };
}

function recipe(random: Random, payload: number, flags = ACK): Recipe {
  const tcpOptions = 4 * random.integer(0, 10);
  return {
    version: 4,
    protocol: TCP,
    ipOptions: 0,
    tcpOptions,
    payload: random.bytes(payload),
    flags,
  };
}

Deno.test("TcpTrain makes of segments the super-packet that they were cut from", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const gsoSize = random.integer(1, 1500);
    const made = recipe(random, random.integer(1, Math.min(60_000, 60 * gsoSize)));
    if (seed % 2) made.flags |= PSH;
    const { whole, segments } = cut(made, gsoSize);
    if (segments.length < 2) continue;
    const { train } = joined(segments);
    assertEquals([train.count, train.gsoSize], [segments.length, gsoSize], `seed ${seed}`);
    assertEquals(train.bytes.subarray(train.offset, train.offset + train.length), whole);
  }
});

Deno.test("TcpTrain takes nothing that is not the continuation", () => {
  const random = new Random(1);
  const made = recipe(random, 3000);
  const { segments } = cut(made, 1000);
  const length = headersLength(made);
  const own = new Set([2, 3, 4, 5, 10, 11, 20 + 16, 20 + 17]);
  for (let at = 0; at < length; at++) {
    if (own.has(at)) continue;
    const changed = segments[1]!.slice();
    changed[at]! ^= at === 33 ? 0x01 : 0x80;
    assertEquals(joined([segments[0]!, changed]).train.count, 1, `byte ${at}`);
  }
  for (const others of [[0, 2], [0, 0], [1, 0]]) {
    const { train } = joined(others.map((i) => segments[i]!));
    assertEquals(train.count, 1, String(others));
  }
});

Deno.test("TcpTrain ends with a short segment, or one with PSH", () => {
  const random = new Random(2);
  const { segments } = cut(recipe(random, 2500), 1000);
  const { segments: pushed } = cut(recipe(new Random(2), 2000, ACK | PSH), 1000);
  for (const list of [segments, pushed]) {
    const last = list.at(-1)!;
    const after = last.slice();
    const sequence = new DataView(after.buffer);
    sequence.setUint32(24, sequence.getUint32(24) + last.length - 40);
    const { train, bytes } = joined(list);
    assert(!train.join(bytes, bytes.length - after.length, after.length));
    assertEquals(train.count, list.length);
  }
});

Deno.test("TcpTrain begins with plain data alone", () => {
  const random = new Random(3);
  for (
    const flags of [0, 0x02, ACK | 0x02, ACK | 0x01, ACK | 0x04, ACK | 0x20, ACK | 0x80, ACK | PSH]
  ) {
    const packet = unfinished(recipe(random, 100, flags));
    assert(!new TcpTrain().begin(packet, 0, packet.length), `flags ${flags}`);
  }
  const empty = unfinished(recipe(random, 0));
  assert(!new TcpTrain().begin(empty, 0, empty.length));
});
