import { assert, assertEquals } from "@std/assert";
import { offloadOf, PacketKind } from "../../../lib/packet/offload.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { MAX_UDP_SEGMENTS, UdpTrain } from "../../../lib/packet/udp_train.ts";
import { Random } from "../../random.ts";
import { randomRecipe, type Recipe, sum, TCP, UDP, unfinished } from "./offload_packets.ts";

/** What a packet is made of, as far as joining looks at it. */
interface Header {
  recipe: Recipe;
  identification: number;
  dontFragment: boolean;
  timeToLive: number;
  port: number;
}

/** Packets, or trains of them, one behind the other in memory, as in a batch. */
class Yard {
  readonly bytes = new Uint8Array(1 << 20);
  readonly #train = new UdpTrain();
  #end = 0;
  /** Where each begins, how long it is, and the payload of its segments if it is a train. */
  readonly trains: { at: number; length: number; gsoSize: number | undefined }[] = [];

  add(packet: Uint8Array): void {
    const margin = 3;
    const source = new Uint8Array(packet.length + 2 * margin);
    source.set(packet, margin);
    const grown = this.#train.join(source, margin, packet.length);
    if (grown > 0) {
      const { length, gsoSize } = this.#train;
      Object.assign(this.trains.at(-1)!, { length, gsoSize });
      this.#end += grown;
      return;
    }
    this.bytes.set(packet, this.#end);
    this.#train.begin(this.bytes, this.#end, packet.length);
    this.trains.push({ at: this.#end, length: packet.length, gsoSize: undefined });
    this.#end += packet.length;
  }

  /** What a receiver makes of all of it. */
  segments(): Uint8Array[] {
    const { PartialChecksum, UdpSegments } = PacketKind;
    return this.trains.flatMap(({ at, length, gsoSize }) => {
      const offload = gsoSize === undefined
        ? offloadOf(PartialChecksum, 0)
        : offloadOf(UdpSegments, gsoSize);
      return finished(this.bytes.subarray(at, at + length), offload);
    });
  }
}

function finished(packet: Uint8Array, offload: number): Uint8Array[] {
  const given: Uint8Array[] = [];
  const done = new Segmenter().segment(packet, 0, packet.length, offload, (bytes, at, length) => {
    given.push(bytes.slice(at, at + length));
  });
  assert(done);
  return given;
}

function build(header: Header): Uint8Array {
  const packet = unfinished(header.recipe);
  const view = new DataView(packet.buffer);
  const start = 20 + header.recipe.ipOptions;
  view.setUint16(4, header.identification);
  packet[6] = header.dontFragment ? 0x40 : 0;
  packet[8] = header.timeToLive;
  view.setUint16(start, header.port);
  view.setUint16(10, 0);
  view.setUint16(10, 0xffff - sum(packet.subarray(0, start)));
  return packet;
}

/** Packets of which many can be joined, and many differ in just one thing. */
function stream(random: Random, count: number): Header[] {
  const headers: Header[] = [];
  let size = 100;
  for (let i = 0; i < count; i++) {
    const before = headers.at(-1);
    const other = (odds: number): boolean => random.integer(0, odds) === 0;
    if (other(20)) size = random.integer(1, 1500);
    const protocol = other(25) ? TCP : UDP;
    const length = other(15) ? random.integer(0, 1500) : size;
    const recipe = { ...randomRecipe(random, protocol, length), ipOptions: other(25) ? 4 : 0 };
    headers.push({
      recipe,
      identification: other(10) ? random.integer(0, 0xffff) : i & 0xffff,
      dontFragment: before && !other(15) ? before.dontFragment : other(1),
      timeToLive: other(25) ? 63 : 64,
      port: other(25) ? 53 : 443,
    });
  }
  return headers;
}

/** How many packets each train has, by the rules as they are said: naive, from the headers alone. */
function modelTrains(headers: Header[]): number[] {
  const trains: Header[][] = [];
  for (const header of headers) {
    const train = trains.at(-1);
    if (train !== undefined && canJoin(train, header)) train.push(header);
    else trains.push([header]);
  }
  return trains.map((train) => train.length);
}

function canJoin(train: Header[], next: Header): boolean {
  const [first] = train;
  const size = first!.recipe.payload.length;
  const plain = [first!, next].every(({ recipe }) =>
    recipe.protocol === UDP && recipe.ipOptions === 0 && recipe.payload.length > 0
  );
  const total = train.reduce((sum, { recipe }) => sum + recipe.payload.length, 28);
  return plain && train.length < MAX_UDP_SEGMENTS &&
    train.every(({ recipe }) => recipe.payload.length === size) &&
    next.recipe.payload.length <= size && total + next.recipe.payload.length <= 65_535 &&
    next.dontFragment === first!.dontFragment && next.timeToLive === first!.timeToLive &&
    next.port === first!.port &&
    (next.dontFragment ||
      next.identification === ((first!.identification + train.length) & 0xffff));
}

/** A packet without its identification and header checksum if that is never fragmented. */
function essence(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  if ((copy[6]! & 0x40) !== 0) copy.fill(0, 4, 6).fill(0, 10, 12);
  return copy;
}

Deno.test("trains are cut into the very packets that joined them, and are as long as they may be", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const headers = stream(new Random(seed), 300);
    const packets = headers.map(build);
    const yard = new Yard();
    for (const packet of packets) yard.add(packet);
    assertEquals(yard.trains.length, modelTrains(headers).length, `seed ${seed}`);
    const expected = packets.flatMap((packet) =>
      finished(packet, offloadOf(PacketKind.PartialChecksum, 0))
    );
    const segments = yard.segments();
    assertEquals(segments.length, expected.length);
    for (const [i, segment] of segments.entries()) {
      assertEquals(essence(segment), essence(expected[i]!), `seed ${seed}, packet ${i}`);
    }
    for (const segment of segments) {
      assertEquals(sum(segment.subarray(0, 4 * (segment[0]! & 15))), 0xffff);
    }
  }
});

Deno.test("a train has 64 packets and 65,535 bytes at the most", () => {
  const random = new Random(7);
  for (const [payload, most] of [[1, 64], [1000, 64], [1400, 46], [32_753, 2], [32_754, 1]]) {
    const header = {
      recipe: { ...randomRecipe(random, UDP, payload!), ipOptions: 0 },
      identification: 0,
      dontFragment: true,
      timeToLive: 64,
      port: 53,
    };
    const yard = new Yard();
    for (let i = 0; i < most! + 1; i++) yard.add(build(header));
    const lengths = yard.trains.map(({ length }) => (length - 28) / payload!);
    assertEquals(lengths, [most, 1]);
  }
});

Deno.test("rubbish neither joins nor begins a train", () => {
  const random = new Random(8);
  const train = new UdpTrain();
  const bytes = new Uint8Array(4096);
  for (let i = 0; i < 20_000; i++) {
    const packet = random.bytes(random.integer(20, 200));
    packet[0] = 0x45;
    packet[9] = UDP;
    packet.set([0x40, 0], 6);
    if (random.integer(0, 1) === 0 && packet.length > 25) {
      packet.set([0, packet.length - 20], 24);
    }
    bytes.set(packet);
    train.begin(bytes, 0, packet.length);
    const says = (packet[24]! << 8) | packet[25]!;
    const isRight = packet.length > 28 && says === packet.length - 20;
    assertEquals(train.join(packet, 0, packet.length) > 0, isRight);
  }
});
