import { assert, assertEquals } from "@std/assert";
import {
  FRAME_HEADER_LENGTH,
  FrameType,
  receiveFrames,
  writeFrameHeader,
} from "../../../lib/protocol/frame.ts";
import { Random } from "../../random.ts";

interface Frame {
  type: number;
  kind: number;
  gsoSize: number;
  body: number[];
}

function encode(frames: readonly Frame[]): Uint8Array {
  return Uint8Array.from(frames.flatMap(({ type, kind, gsoSize, body }) => {
    const header = new Uint8Array(FRAME_HEADER_LENGTH);
    writeFrameHeader(header, 0, type, kind, gsoSize, body.length);
    return [...header, ...body];
  }));
}

/** The frames of a batch that stands inside a larger buffer; undefined if it is cut off. */
function decode(batch: Uint8Array): Frame[] | undefined {
  const frames: Frame[] = [];
  const bytes = Uint8Array.from([9, 9, ...batch, 1, 0, 0, 0, 0, 0, 9]);
  const whole = receiveFrames(
    {
      receiveFrame: (type, kind, gsoSize, bytes, offset, length) => {
        frames.push({ type, kind, gsoSize, body: [...bytes.subarray(offset, offset + length)] });
        return true;
      },
    },
    bytes,
    2,
    batch.length,
  );
  return whole ? frames : undefined;
}

/** A naive reading of a batch, by docs/protocol.md. */
function model(batch: number[]): Frame[] | undefined {
  if (batch.length === 0 || batch[0] === 0) return [];
  if (batch.length < 6) return undefined;
  const [type, kind, gso1, gso2, length1, length2] = batch as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const length = length1 * 256 + length2;
  if (batch.length < 6 + length) return undefined;
  const rest = model(batch.slice(6 + length));
  return rest &&
    [{ type, kind, gsoSize: gso1 * 256 + gso2, body: batch.slice(6, 6 + length) }, ...rest];
}

function randomFrame(random: Random): Frame {
  return {
    type: random.integer(1, 255),
    kind: random.integer(0, 255),
    gsoSize: random.integer(0, 65_535),
    body: [...random.bytes(random.integer(0, 40))],
  };
}

Deno.test("receiveFrames() gives back what writeFrameHeader() wrote, padding left out", () => {
  const random = new Random(1);
  for (let i = 0; i < 300; i++) {
    const frames = Array.from({ length: random.integer(0, 9) }, () => randomFrame(random));
    assertEquals(decode(encode(frames)), frames);
    const padding = [FrameType.Padding, ...random.bytes(random.integer(0, 20))];
    assertEquals(decode(Uint8Array.from([...encode(frames), ...padding])), frames);
  }
});

Deno.test("receiveFrames() agrees with a naive model about any bytes", () => {
  const random = new Random(2);
  const seen = new Set<boolean>();
  for (let i = 0; i < 5000; i++) {
    const batch = encode(Array.from({ length: random.integer(0, 4) }, () => randomFrame(random)));
    const cut = batch.slice(0, random.integer(0, batch.length));
    if (cut.length > 0 && random.next() < 0.3) {
      cut[random.integer(0, cut.length - 1)] = random.integer(0, 3);
    }
    const expected = model([...cut]);
    seen.add(expected === undefined);
    const frames = decode(cut);
    assertEquals(frames === undefined, expected === undefined);
    if (expected) assertEquals(frames, expected);
  }
  assert(seen.size === 2);
});

Deno.test("receiveFrames() stops when it is told to", () => {
  const batch = encode([1, 2, 3].map((kind) => ({ type: 2, kind, gsoSize: 0, body: [] })));
  const kinds: number[] = [];
  const receiveFrame = (_: number, kind: number): boolean => kinds.push(kind) < 2;
  assertEquals(receiveFrames({ receiveFrame }, batch, 0, batch.length), true);
  assertEquals(kinds, [1, 2]);
});
