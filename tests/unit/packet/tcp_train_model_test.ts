/** TcpTrain against a naive model of what may be joined, with streams of which much differs. */
import { assert, assertEquals } from "@std/assert";
import { offloadOf, PacketKind } from "../../../lib/packet/offload.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { TcpTrain } from "../../../lib/packet/tcp_train.ts";
import { Random } from "../../random.ts";
import {
  headersLength,
  ipHeadersLength,
  isSound,
  type Recipe,
  sum,
  TCP,
  UDP,
  unfinished,
  type Version,
  VERSIONS,
} from "./offload_packets.ts";

const ACK = 0x10;
const PSH = 0x08;
const FLAGS = [ACK | PSH, ACK | 0x01, ACK | 0x40, ACK | 0x80, 0, ACK | 0x02];

/** What a packet is made of, as far as joining looks at it. */
interface Header {
  recipe: Recipe;
  sequence: number;
  /** Of IPv4. */
  identification: number;
  dontFragment: boolean;
  /** DSCP and ECN, of either version. */
  trafficClass: number;
  /** Of IPv6. */
  flowLabel: number;
  hopLimit: number;
  port: number;
  window: number;
}

function build(header: Header): Uint8Array {
  const { recipe } = header;
  const packet = unfinished(recipe);
  const view = new DataView(packet.buffer);
  const start = ipHeadersLength(recipe);
  if (recipe.version === 4) {
    packet[1] = header.trafficClass;
    view.setUint16(4, header.identification);
    packet[6] = header.dontFragment ? 0x40 : 0;
    packet[8] = header.hopLimit;
    view.setUint16(10, 0);
    view.setUint16(10, 0xffff - sum(packet.subarray(0, start)));
  } else {
    view.setUint32(0, 0x60000000 + header.trafficClass * 2 ** 20 + header.flowLabel);
    packet[7] = header.hopLimit;
  }
  view.setUint16(start, header.port);
  if (recipe.protocol !== TCP) return packet;
  view.setUint32(start + 4, header.sequence);
  view.setUint16(start + 14, header.window);
  return packet;
}

/** Segments of which many can be joined, and many differ in just one thing. */
function stream(random: Random, version: Version, count: number): Header[] {
  const headers: Header[] = [];
  let size = 100;
  let sequence = random.integer(0, 2 ** 32 - 1);
  const tcpOptions = 4 * random.integer(0, 10);
  for (let i = 0; i < count; i++) {
    const other = (odds: number): boolean => random.integer(0, odds) === 0;
    if (other(20)) size = random.integer(1, 1400);
    const payload = random.bytes(other(15) ? random.integer(0, 1400) : size);
    if (other(20)) sequence = random.integer(0, 2 ** 32 - 1);
    headers.push({
      recipe: {
        version: other(30) ? random.pick(VERSIONS) : version,
        protocol: other(30) ? UDP : TCP,
        ipOptions: other(30) ? 8 : 0,
        tcpOptions: other(30) ? 4 * random.integer(0, 10) : tcpOptions,
        flags: other(10) ? random.pick(FLAGS) : ACK,
        payload,
      },
      sequence,
      identification: other(20) ? random.integer(0, 0xffff) : i & 0xffff,
      dontFragment: other(20) ? other(1) : (i >> 5) % 2 === 0,
      trafficClass: other(30) ? random.integer(0, 255) : 0,
      flowLabel: other(30) ? random.integer(0, 0xfffff) : 0x12345,
      hopLimit: other(30) ? 63 : 64,
      port: other(30) ? 53 : 443,
      window: other(30) ? 1 : 501,
    });
    sequence = (sequence + payload.length) % 2 ** 32;
  }
  return headers;
}

/** How the packets fall into trains, by the rules as they are said: naive, from the headers alone. */
function modelTrains(headers: Header[]): Header[][] {
  const trains: Header[][] = [];
  for (const header of headers) {
    const train = trains.at(-1);
    if (train !== undefined && canJoin(train, header)) train.push(header);
    else trains.push([header]);
  }
  return trains;
}

function canJoin(train: Header[], next: Header): boolean {
  const first = train[0]!;
  const size = first.recipe.payload.length;
  const total = train.reduce((sum, { recipe }) => sum + recipe.payload.length, 0);
  return size >= 8 && next.recipe.payload.length > 0 &&
    [first, next].every(({ recipe }) => recipe.protocol === TCP && recipe.ipOptions === 0) &&
    train.every(({ recipe }) => recipe.flags === ACK && recipe.payload.length === size) &&
    [ACK, ACK | PSH].includes(next.recipe.flags) && next.recipe.payload.length <= size &&
    headersLength(first.recipe) + total + next.recipe.payload.length <= 65_535 &&
    next.sequence === (first.sequence + total) % 2 ** 32 && isSameFlow(first, next, train.length);
}

function isSameFlow(first: Header, next: Header, count: number): boolean {
  const common = (
    { recipe, trafficClass, hopLimit, port, window }: Header,
  ): unknown[] => [recipe.version, recipe.tcpOptions, trafficClass, hopLimit, port, window];
  if (String(common(first)) !== String(common(next))) return false;
  if (first.recipe.version === 6) return first.flowLabel === next.flowLabel;
  return first.dontFragment === next.dontFragment &&
    (first.dontFragment || next.identification === ((first.identification + count) & 0xffff));
}

/** Gives packets to a train as a channel does; returns what it hands over, cut again. */
function passed(packets: readonly Uint8Array[]): Uint8Array[][] {
  const gap = 38;
  const bytes = new Uint8Array(packets.reduce((sum, { length }) => sum + length + gap, gap));
  const train = new TcpTrain();
  const given: Uint8Array[][] = [];
  const deliver = (): void => {
    if (train.length === 0) return;
    const { offset, length, count, gsoSize } = train;
    given.push(ordinary(train.bytes.subarray(offset, offset + length), count === 1 ? 0 : gsoSize));
    train.clear();
  };
  let at = gap;
  for (const packet of packets) {
    bytes.set(packet, at);
    if (!train.join(bytes, at, packet.length)) {
      deliver();
      if (!train.begin(bytes, at, packet.length)) given.push(ordinary(packet, 0));
    }
    at += packet.length + gap;
  }
  deliver();
  return given;
}

/** @param gsoSize 0 for a single packet */
function ordinary(packet: Uint8Array, gsoSize: number): Uint8Array[] {
  const kind = gsoSize === 0 ? PacketKind.PartialChecksum : PacketKind.TcpSegments;
  const copy = packet.slice();
  const cut: Uint8Array[] = [];
  const offload = offloadOf(kind, gsoSize);
  const sink = (bytes: Uint8Array, offset: number, length: number): void => {
    cut.push(bytes.slice(offset, offset + length));
  };
  assert(new Segmenter().segment(copy, 0, copy.length, offload, sink));
  return cut;
}

/** A packet without its identification and header checksum if that is never fragmented. */
function essence(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  if (copy[0]! >> 4 === 4 && (copy[6]! & 0x40) !== 0) copy.fill(0, 4, 6).fill(0, 10, 12);
  return copy;
}

for (const version of VERSIONS) {
  Deno.test(`trains of IPv${version} are those of the model, and are cut into what joined them`, () => {
    let longest = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const headers = stream(new Random(100 * version + seed), version, 300);
      const packets = headers.map(build);
      const given = passed(packets);
      const counts = given.map(({ length }) => length);
      assertEquals(counts, modelTrains(headers).map(({ length }) => length), `seed ${seed}`);
      for (const [i, packet] of given.flat().entries()) {
        assert(isSound(packet));
        assertEquals(essence(packet), essence(ordinary(packets[i]!, 0)[0]!), `seed ${seed}, ${i}`);
      }
      longest = Math.max(longest, ...counts);
    }
    assert(longest >= 8, `${longest}`);
  });
}

Deno.test("rubbish joins nothing and fails nowhere", () => {
  const random = new Random(5);
  const bytes = new Uint8Array(4096);
  for (let i = 0; i < 20_000; i++) {
    const train = new TcpTrain();
    const good = unfinished({
      ...{ version: random.pick(VERSIONS), protocol: TCP, ipOptions: 0, tcpOptions: 0, flags: ACK },
      payload: random.bytes(100),
    });
    bytes.set(good);
    assert(train.begin(bytes, 0, good.length));
    const rubbish = random.bytes(random.integer(1, 200));
    rubbish[0] = random.pick([0x45, 0x60, rubbish[0]!]);
    bytes.set(rubbish, 300);
    assert(!train.join(bytes, 300, rubbish.length));
    train.begin(bytes, 300, rubbish.length);
  }
});
