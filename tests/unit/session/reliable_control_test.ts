import { assert, assertEquals } from "@std/assert";
import { ControlType } from "../../../lib/protocol/control.ts";
import { RETRANSMIT_LONGEST } from "../../../lib/session/limits.ts";
import { ReliableControl } from "../../../lib/session/reliable_control.ts";
import { Random } from "../../random.ts";

const LONGEST = 50;
const { Configuration, RekeyResponse } = ControlType;

/** What an end sends: a part of a message, or a word that one came. */
type Sent = { number: number; part?: { type: ControlType; bytes: Uint8Array } };

/** One end, and what it has sent and been told. */
function end(): { line: ReliableControl; sent: Sent[]; delivered: [number, Uint8Array][] } {
  const sent: Sent[] = [];
  const delivered: [number, Uint8Array][] = [];
  const line = new ReliableControl({
    sendPart: (type, number, bytes) => sent.push({ number, part: { type, bytes } }),
    acknowledge: (number) => sent.push({ number }),
    deliver: (type, body) => delivered.push([type, body]),
  }, LONGEST);
  return { line, sent, delivered };
}

function hand(to: ReliableControl, { number, part }: Sent, now: number): void {
  if (part === undefined) to.acknowledged(number, now);
  else to.receive(part.type, number, part.bytes);
}

Deno.test("messages of any length arrive once and in order, however many parts are lost or doubled", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const [one, other] = [end(), end()];
    const bodies = Array.from({ length: 30 }, () => random.bytes(random.integer(0, 4 * LONGEST)));
    let now = 0;
    for (const body of bodies) {
      one.line.send(random.pick([Configuration, RekeyResponse]), body, now);
    }
    while (other.delivered.length < bodies.length || one.line.deadline !== Infinity) {
      for (const [from, to] of [[one, other], [other, one]] as const) {
        for (const sent of from.sent.splice(0)) {
          const copies = random.pick([0, 1, 1, 2]);
          for (let i = 0; i < copies; i++) hand(to.line, sent, now);
        }
      }
      now += 100;
      one.line.advance(now);
      assert(now < 1e7, `seed ${seed} comes to an end`);
    }
    assertEquals(other.delivered.map(([_, body]) => body), bodies, `seed ${seed}`);
  }
});

Deno.test("numbers go around, and every part is short enough", () => {
  const [one, other] = [end(), end()];
  const body = new Uint8Array(70_000 * 3).subarray(0, 60_000).fill(7);
  for (let i = 0; i < 60; i++) {
    one.line.send(Configuration, body, 0);
    while (one.sent.length > 0) {
      const [sent] = one.sent.splice(0);
      assert(sent!.number >= 1 && sent!.number <= 65_535 && sent!.part!.bytes.length <= LONGEST);
      hand(other.line, sent!, 0);
      for (const answer of other.sent.splice(0)) hand(one.line, answer, 0);
    }
  }
  assertEquals(other.delivered.length, 60);
  assertEquals(other.delivered[59]![1], body);
});

Deno.test("what is not acknowledged is repeated ever more seldom", () => {
  const { line, sent } = end();
  line.send(Configuration, new Uint8Array(3), 0);
  const times = [];
  for (let now = 0; sent.length < 9; now = line.deadline) {
    line.advance(now);
    times.push(line.deadline - now);
  }
  assertEquals(times.slice(0, 6), [250, 500, 1000, 2000, 4000, 4000]);
  assertEquals(times.at(-1), RETRANSMIT_LONGEST);
});

Deno.test("a message that never ends is not kept", () => {
  const { line, delivered } = end();
  for (let i = 1; i <= 3000; i++) {
    line.receive(Configuration, i, Uint8Array.of(1, ...new Uint8Array(40)));
  }
  assertEquals(delivered, []);
});
