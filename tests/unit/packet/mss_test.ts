import { assert, assertEquals } from "@std/assert";
import { MssClamp } from "../../../lib/packet/mss.ts";
import { type Offload, offloadOf, PacketKind, WHOLE } from "../../../lib/packet/offload.ts";
import { Random } from "../../random.ts";
import {
  headersLength,
  isSound,
  pseudoHeader,
  randomRecipe,
  type Recipe,
  sum,
  TCP,
  transportOf,
  UDP,
  unfinished,
  type Version,
  VERSIONS,
} from "./offload_packets.ts";

const SYN = 0x02;
const ACK = 0x10;
const PARTIAL = offloadOf(PacketKind.PartialChecksum, 0);

function clamped(packet: Uint8Array, mtu: number, offload: Offload): Uint8Array {
  const margin = 7;
  const bytes = new Uint8Array(packet.length + 2 * margin).fill(2);
  bytes.set(packet, margin);
  new MssClamp().clamp(bytes, margin, packet.length, offload, mtu);
  assert([...bytes.subarray(0, margin), ...bytes.subarray(-margin)].every((byte) => byte === 2));
  return bytes.slice(margin, -margin);
}

/** A segment with these options, padded with zeros, and with its checksum as `offload` says. */
function segment(recipe: Recipe, options: readonly number[], offload: Offload): Uint8Array {
  const tcpOptions = Math.ceil(options.length / 4) * 4;
  const packet = unfinished({ ...recipe, tcpOptions });
  const { start } = transportOf(packet);
  packet.set(options, start + 20);
  return offload === WHOLE ? withChecksum(packet) : packet;
}

/** The packet with the checksum of its TCP segment computed from nothing. */
function withChecksum(original: Uint8Array): Uint8Array {
  const packet = original.slice();
  const { start } = transportOf(packet);
  const view = new DataView(packet.buffer);
  view.setUint16(start + 16, 0);
  const all = [...pseudoHeader(packet, start, TCP), ...packet.subarray(start)];
  view.setUint16(start + 16, 0xffff - sum(Uint8Array.from(all)));
  return packet;
}

/** Options that are sound, and the same where no maximum segment size is above `most`. */
function randomOptions(random: Random, most: number): { before: number[]; after: number[] } {
  const before: number[] = [];
  const after: number[] = [];
  for (;;) {
    const kind = random.pick([1, 1, 2, 3, 4, 8, 34, 254]);
    const mss = random.integer(0, 1) === 0 ? random.integer(0, 65_535) : most;
    const lower = Math.min(mss, most);
    const body = kind === 1 ? [] : [...random.bytes(kind === 2 ? 2 : random.integer(0, 8))];
    const option = kind === 1 ? [1] : [kind, 2 + body.length];
    if (before.length + option.length + body.length > 40) break;
    before.push(...option, ...kind === 2 ? [mss >> 8, mss & 255] : body);
    after.push(...option, ...kind === 2 ? [lower >> 8, lower & 255] : body);
    if (random.integer(0, 9) === 0) break;
  }
  return { before, after };
}

function recipeOf(random: Random, version: Version, flags: number): Recipe {
  return { ...randomRecipe(random, TCP, random.integer(0, 60), version), flags };
}

Deno.test("clamp() lowers what a SYN and its answer say to what the MTU leaves, and never raises it", () => {
  const random = new Random(1);
  for (const version of VERSIONS) {
    for (const offload of [WHOLE, PARTIAL]) {
      for (const flags of [SYN, SYN | ACK]) {
        const recipe = recipeOf(random, version, flags);
        const most = 1434 - (version === 4 ? 40 : 60);
        for (const [told, expected] of [[1460, most], [65_535, most], [most, most], [536, 536]]) {
          const options = (mss: number): number[] => [1, 2, 4, mss >> 8, mss & 255, 4, 2];
          const packet = segment(recipe, options(told!), offload);
          const wanted = segment(recipe, options(expected!), offload);
          assertEquals(clamped(packet, 1434, offload), wanted);
          assertEquals(isSound(wanted), offload === WHOLE);
        }
      }
    }
  }
});

Deno.test("clamp() does with random options what somebody would who writes the segment anew", () => {
  const random = new Random(2);
  for (let round = 0; round < 3000; round++) {
    const version = random.pick(VERSIONS);
    const mtu = random.integer(68, 9000);
    const most = mtu - (version === 4 ? 40 : 60);
    const recipe = recipeOf(random, version, random.integer(0, 255) | SYN);
    const { before, after } = randomOptions(random, most);
    for (const offload of [WHOLE, PARTIAL]) {
      const got = clamped(segment(recipe, before, offload), mtu, offload);
      assertEquals(got, segment(recipe, after, offload));
      assertEquals(clamped(got, mtu, offload), got, "once is enough");
    }
  }
});

Deno.test("clamp() leaves everything else as it is", () => {
  const random = new Random(3);
  const option = [2, 4, 0xff, 0xff];
  const unchanged = (packet: Uint8Array): void => assertEquals(clamped(packet, 576, WHOLE), packet);
  for (const version of VERSIONS) {
    const recipe = recipeOf(random, version, SYN);
    unchanged(segment({ ...recipe, flags: ACK }, option, WHOLE));
    unchanged(segment(recipe, [], WHOLE));
    // Behind the end of the options, without its length, and cut off.
    unchanged(segment(recipe, [0, ...option], WHOLE));
    unchanged(segment(recipe, [3, 0, ...option, 1, 1], WHOLE));
    unchanged(segment(recipe, [3, 1, ...option, 1, 1], WHOLE));
    unchanged(segment({ ...recipe, payload: Uint8Array.of(4, 255, 255) }, [1, 1, 1, 2], WHOLE));
    unchanged(segment(recipe, [1, 2, 4, 0xff], WHOLE));
    unchanged(segment(recipe, [2, 3, 0xff, 1, 1, 1, 1, 1], WHOLE));
    unchanged(unfinished({ ...randomRecipe(random, UDP, 100, version), flags: SYN }));
  }
  const fragment = segment(recipeOf(random, 4, SYN), option, WHOLE);
  fragment[6] = 0x20;
  unchanged(fragment);
});

Deno.test("clamp() touches nothing but values and the checksum, whatever the bytes are", () => {
  const random = new Random(4);
  for (let round = 0; round < 20_000; round++) {
    const recipe = recipeOf(random, random.pick(VERSIONS), SYN);
    const { before } = randomOptions(random, 1000);
    const whole = segment(recipe, before, WHOLE);
    for (let i = random.integer(1, 4); i > 0; i--) {
      const at = random.integer(0, Math.min(whole.length, headersLength(recipe) + 40) - 1);
      whole[at] = random.integer(0, 255);
    }
    const packet = whole.slice(0, random.integer(0, whole.length));
    const changed = clamped(packet, 576, random.pick([WHOLE, PARTIAL]));
    const count = changed.filter((byte, i) => byte !== packet[i]).length;
    assert(count <= 2 + 2 * 10, `${count}`);
  }
});
