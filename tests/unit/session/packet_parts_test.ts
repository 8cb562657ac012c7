import { assert, assertEquals } from "@std/assert";
import { MAX_PARTS } from "../../../lib/session/limits.ts";
import { MAX_PARTED, NO_PART, PacketParts, WAITING } from "../../../lib/session/packet_parts.ts";
import { VIRTIO_NET_HEADER_LENGTH } from "../../../lib/packet/virtio_net_header.ts";
import { Random } from "../../random.ts";

/** A part as it comes. */
interface Part {
  key: string;
  /** Of the datagram that it comes in. */
  counter: number;
  isLast: boolean;
  kind: number;
  body: Uint8Array;
}

function partsOf(packet: Uint8Array, at: number, counter: number, key = "a", kind = 0): Part[] {
  return [
    { key, kind, counter, isLast: false, body: packet.slice(0, at) },
    { key, kind, counter: counter + 1, isLast: true, body: packet.slice(at) },
  ];
}

/** Takes parts, and keeps what they come to. */
class Receiver {
  givenUp = 0;
  wrong = 0;
  readonly packets: Uint8Array[] = [];
  readonly #parts = new PacketParts(() => this.givenUp++);

  add({ key, counter, isLast, kind, body }: Part): void {
    const margin = 5;
    const bytes = new Uint8Array(body.length + 2 * margin).fill(0xee);
    bytes.set(body, margin);
    const whole = this.#parts.add(key, counter, isLast, kind, bytes, margin, body.length);
    const { offset } = this.#parts;
    if (whole === NO_PART) this.wrong++;
    if (whole === NO_PART || whole === WAITING) return;
    assert(offset >= VIRTIO_NET_HEADER_LENGTH, "There is room for a header");
    this.packets.push(this.#parts.bytes.slice(offset, offset + whole));
    // As a TUN device writes it.
    this.#parts.bytes.fill(0xdd, offset - VIRTIO_NET_HEADER_LENGTH, offset);
  }
}

Deno.test("a packet's parts make it whole, wherever it was cut and in whatever order they come", () => {
  const random = new Random(1);
  for (const length of [2, 100, MAX_PARTED]) {
    const packet = random.bytes(length);
    for (const at of new Set([1, length >> 1, length - 1])) {
      for (const isReversed of [false, true]) {
        const receiver = new Receiver();
        const parts = partsOf(packet, at, 7);
        for (const part of isReversed ? parts.reverse() : parts) receiver.add(part);
        assertEquals(receiver.packets, [packet]);
      }
    }
  }
});

Deno.test("parts of different packets, keys or kinds do not come together", () => {
  const [first, last] = partsOf(new Random(2).bytes(100), 60, 7) as [Part, Part];
  for (
    const other of [
      { ...last, counter: 7 },
      { ...last, counter: 9 },
      { ...last, counter: 6 },
      { ...last, key: "b" },
      { ...last, kind: 1 },
      { ...last, isLast: false },
      { ...last, isLast: false, counter: 7 },
    ]
  ) {
    const receiver = new Receiver();
    receiver.add(first);
    receiver.add(other);
    assertEquals([receiver.packets, receiver.wrong], [[], 0]);
    // The right one is still welcome.
    receiver.add(last);
    assertEquals(receiver.packets.length, 1);
  }
});

Deno.test("parts that are empty or too long, by themselves or together, are none", () => {
  const receiver = new Receiver();
  const part = (counter: number, isLast: boolean, length: number): void =>
    receiver.add({ key: "a", counter, isLast, kind: 0, body: new Uint8Array(length) });
  part(1, false, 0);
  part(1, false, MAX_PARTED);
  part(2, true, MAX_PARTED + 100);
  assertEquals(receiver.wrong, 3);
  part(3, false, 700);
  part(4, true, MAX_PARTED - 700 + 1);
  part(8, true, 1);
  part(7, false, MAX_PARTED - 1);
  assertEquals([receiver.wrong, receiver.packets.length, receiver.givenUp], [4, 1, 0]);
});

Deno.test("a few parts are kept, and the oldest given up for one more", () => {
  const random = new Random(3);
  const receiver = new Receiver();
  const packets = Array.from({ length: MAX_PARTS + 2 }, () => random.bytes(200));
  const parts = packets.map((packet, i) => partsOf(packet, 100, 10 * i));
  for (const [first] of parts) receiver.add(first!);
  assertEquals(receiver.givenUp, 2);
  for (const [, last] of parts.toReversed()) receiver.add(last!);
  assertEquals(receiver.packets, packets.slice(2).reverse());
  assertEquals(receiver.givenUp, 2);
});

/** What becomes of parts, by the rules as they are said. */
function model(parts: readonly Part[]): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const kept: (Part | undefined)[] = [];
  for (const part of parts) {
    const { length } = part.body;
    if (length === 0 || length >= MAX_PARTED) continue;
    const since = Math.max(0, kept.length - MAX_PARTS);
    const places = kept.flatMap((other, i) => i >= since && fits(other, part) ? [i] : []);
    // Of several the one in the first place of the ring counts.
    places.sort((a, b) => a % MAX_PARTS - b % MAX_PARTS);
    const [place] = places;
    if (place === undefined) {
      kept.push(part);
      continue;
    }
    const [first, last] = part.isLast ? [kept[place]!, part] : [part, kept[place]!];
    kept[place] = undefined;
    const packet = Uint8Array.of(...first.body, ...last.body);
    if (packet.length <= MAX_PARTED) packets.push(packet);
  }
  return packets;
}

function fits(one: Part | undefined, other: Part): boolean {
  if (one === undefined || one.isLast === other.isLast) return false;
  const [first, last] = one.isLast ? [other, one] : [one, other];
  return last.counter === first.counter + 1 && one.key === other.key && one.kind === other.kind;
}

Deno.test("whatever is lost, doubled, late or made up, packets are those of the model", () => {
  let [came, sent] = [0, 0];
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const parts = Array.from({ length: 100 }, (_, i) => {
      const packet = random.bytes(random.integer(2, seed % 2 ? 40 : MAX_PARTED + 40));
      const at = random.integer(1, packet.length - 1);
      sent++;
      return partsOf(packet, at, i + random.pick([0, 0, 0, 1]), random.pick(["a", "a", "b"]));
    }).flat();
    for (let i = 0; i < parts.length; i++) {
      const j = Math.min(parts.length - 1, i + random.integer(0, seed % 8));
      [parts[i], parts[j]] = [parts[j]!, parts[i]!];
    }
    const arriving = parts.flatMap((part) => {
      if (random.next() < 0.1) return [];
      return random.next() < 0.1 ? [part, part] : [part];
    });
    const receiver = new Receiver();
    for (const part of arriving) receiver.add(part);
    const expected = model(arriving);
    assertEquals(receiver.packets, expected, `seed ${seed}`);
    came += expected.length;
  }
  assert(came > sent / 3, `${came} of ${sent}`);
});
