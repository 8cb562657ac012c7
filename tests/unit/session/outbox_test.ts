import { assert, assertEquals } from "@std/assert";
import { Outbox } from "../../../lib/session/outbox.ts";
import { Random } from "../../random.ts";

/** Bytes that a connection took, until it takes no more or the outbox is empty. */
function drain(outbox: Outbox, room: number): string {
  let taken = "";
  while (!outbox.isEmpty && room > 0) {
    const count = Math.min(outbox.length, room);
    taken += outbox.bytes.subarray(outbox.offset, outbox.offset + count).toHex();
    room -= count;
    outbox.shift(count);
  }
  return taken;
}

Deno.test("Outbox gives units back in order, each in as many pieces as it takes", () => {
  const outbox = new Outbox(new Uint8Array(100));
  assert(outbox.push(new Uint8Array([9, 1, 2, 3, 9]), 1, 3));
  assert(outbox.push(new Uint8Array([4, 5]), 0, 2));
  assertEquals([drain(outbox, 2), outbox.length], ["0102", 1]);
  assertEquals([drain(outbox, 9), outbox.length, outbox.isEmpty], ["030405", 0, true]);
});

Deno.test("Outbox copies a unit, so that its buffer may be used again", () => {
  const outbox = new Outbox(new Uint8Array(100));
  const source = new Uint8Array([1, 2, 3]);
  outbox.push(source, 0, 3);
  source.fill(0);
  assertEquals(drain(outbox, 3), "010203");
});

Deno.test("Outbox.push() takes nothing of a unit that has no room", () => {
  const outbox = new Outbox(new Uint8Array(40));
  assert(outbox.push(new Uint8Array([1]), 0, 1));
  assert(!outbox.push(new Uint8Array(12), 0, 12));
  assert(outbox.push(new Uint8Array(11).fill(2), 0, 11));
  assert(!outbox.push(new Uint8Array(1), 0, 0));
  assertEquals(drain(outbox, 99), `01${"02".repeat(11)}`);
});

Deno.test("Outbox.clear() throws away a unit that has left in part", () => {
  const outbox = new Outbox(new Uint8Array(100));
  outbox.push(new Uint8Array([1, 2, 3]), 0, 3);
  drain(outbox, 1);
  outbox.clear();
  assertEquals([outbox.isEmpty, outbox.length], [true, 0]);
  outbox.push(new Uint8Array([4]), 0, 1);
  assertEquals(drain(outbox, 9), "04");
});

Deno.test("Outbox agrees with a naive queue through any pushes and partial sends", () => {
  const random = new Random(20);
  let refused = 0;
  for (let round = 0; round < 100; round++) {
    const size = random.integer(64, 2000);
    const outbox = new Outbox(new Uint8Array(size));
    // Units with what is left of each; the first one takes its whole room until it has left whole.
    let queue: { length: number; left: string }[] = [];
    for (let i = 0; i < 300; i++) {
      const unit = random.bytes(random.integer(1, size / random.pick([2, 4, 20])));
      const used = queue.reduce((sum, { length }) => sum + 4 + length, 0);
      const pushed = outbox.push(unit, 0, unit.length);
      assertEquals(pushed, used + 4 + unit.length <= size / 2);
      if (pushed) queue.push({ length: unit.length, left: unit.toHex() });
      else refused++;
      const taken = drain(outbox, random.integer(0, 60));
      assertEquals(taken, queue.map(({ left }) => left).join("").slice(0, taken.length));
      for (let rest = taken.length; rest > 0;) {
        const first = queue[0]!;
        const count = Math.min(rest, first.left.length);
        first.left = first.left.slice(count);
        rest -= count;
        if (first.left === "") queue.shift();
      }
      if (random.next() < 0.01) {
        outbox.clear();
        queue = [];
      }
      assertEquals(outbox.isEmpty, queue.length === 0);
      assertEquals(outbox.length, (queue[0]?.left.length ?? 0) / 2);
    }
  }
  assert(refused > 1_000, `only ${refused} units found no room`);
});
