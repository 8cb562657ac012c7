import { assert, assertEquals } from "@std/assert";
import { offloadOf, PacketKind } from "../../../lib/packet/offload.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { TcpTrain } from "../../../lib/packet/tcp_train.ts";
import { Random } from "../../random.ts";
import {
  headersLength,
  ipHeadersLength,
  type Recipe,
  TCP,
  unfinished,
  type Version,
  VERSIONS,
} from "./offload_packets.ts";

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

function recipe(random: Random, version: Version, payload: number, flags = ACK): Recipe {
  const tcpOptions = 4 * random.integer(0, 10);
  return {
    version,
    protocol: TCP,
    ipOptions: 0,
    tcpOptions,
    payload: random.bytes(payload),
    flags,
  };
}

/** Bytes of the headers that each segment has its own of: lengths, identification, checksums, sequence. */
function ownBytes(made: Recipe): Set<number> {
  const tcp = ipHeadersLength(made);
  const ofIp = made.version === 4 ? [2, 3, 4, 5, 10, 11] : [4, 5];
  return new Set([...ofIp, tcp + 16, tcp + 17]);
}

for (const version of VERSIONS) {
  Deno.test(`TcpTrain makes of IPv${version} segments the super-packet that they were cut from`, () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed);
      const gsoSize = random.integer(8, 1500);
      const made = recipe(random, version, random.integer(1, Math.min(60_000, 60 * gsoSize)));
      if (seed % 2) made.flags |= PSH;
      const { whole, segments } = cut(made, gsoSize);
      if (segments.length < 2) continue;
      const { train } = joined(segments);
      assertEquals([train.count, train.gsoSize], [segments.length, gsoSize], `seed ${seed}`);
      assertEquals(train.bytes.subarray(train.offset, train.offset + train.length), whole);
    }
  });

  Deno.test(`TcpTrain takes nothing of IPv${version} that is not the continuation`, () => {
    const random = new Random(1);
    const made = recipe(random, version, 3000);
    const { segments } = cut(made, 1000);
    const own = ownBytes(made);
    const flags = ipHeadersLength(made) + 13;
    for (let at = 0; at < headersLength(made); at++) {
      if (own.has(at)) continue;
      const changed = segments[1]!.slice();
      changed[at]! ^= at === flags ? 0x01 : 0x80;
      assertEquals(joined([segments[0]!, changed]).train.count, 1, `byte ${at}`);
    }
    for (const others of [[0, 2], [0, 0], [1, 0]]) {
      const { train } = joined(others.map((i) => segments[i]!));
      assertEquals(train.count, 1, String(others));
    }
    const otherVersion = recipe(random, version === 4 ? 6 : 4, 1000);
    assertEquals(joined([segments[0]!, unfinished(otherVersion)]).train.count, 1);
    const options = cut({ ...made, ipOptions: 8 }, 1000).segments;
    assertEquals(joined(options).train.count, 0);
    assertEquals(joined([segments[0]!, options[1]!]).train.count, 1);
  });

  Deno.test(`TcpTrain ends with a short segment of IPv${version}, or one with PSH`, () => {
    const plain = cut(recipe(new Random(2), version, 2500), 1000).segments;
    const pushed = cut(recipe(new Random(2), version, 2000, ACK | PSH), 1000).segments;
    for (const list of [plain, pushed]) {
      const last = list.at(-1)!;
      const after = last.slice();
      const sequence = new DataView(after.buffer);
      const at = (version === 4 ? 20 : 40) + 4;
      sequence.setUint32(at, sequence.getUint32(at) + last.length - at - 16);
      const { train, bytes } = joined(list);
      assert(!train.join(bytes, bytes.length - after.length, after.length));
      assertEquals(train.count, list.length);
    }
  });

  Deno.test(`TcpTrain begins with plain data of IPv${version} alone, and with enough of it`, () => {
    const random = new Random(3);
    for (
      const flags of [
        0,
        0x02,
        ACK | 0x02,
        ACK | 0x01,
        ACK | 0x04,
        ACK | 0x20,
        ACK | 0x80,
        ACK | PSH,
      ]
    ) {
      const packet = unfinished(recipe(random, version, 100, flags));
      assert(!new TcpTrain().begin(packet, 0, packet.length), `flags ${flags}`);
    }
    for (const [payload, begins] of [[0, false], [7, false], [8, true]] as const) {
      const packet = unfinished(recipe(random, version, payload));
      assertEquals(new TcpTrain().begin(packet, 0, packet.length), begins, `${payload} bytes`);
    }
  });

  Deno.test(`a train of IPv${version} has 65,535 bytes at the most`, () => {
    const made = { ...recipe(new Random(4), version, 3000), tcpOptions: 0 };
    const headers = headersLength(made);
    const list = Array.from({ length: 30 }, (_, i) => {
      const packet = unfinished(made);
      new DataView(packet.buffer).setUint32(headers - 16, 3000 * i);
      return packet;
    });
    assertEquals(joined(list).train.length, headers + 21 * 3000);
  });
}
