import { assert, assertEquals } from "@std/assert";
import { PathMeter } from "../../../lib/session/path_meter.ts";
import { STUCK_TIME } from "../../../lib/session/limits.ts";
import { Random } from "../../random.ts";

Deno.test("PathMeter tells the round trip, and for how long answers have been missing", () => {
  const meter = new PathMeter();
  assertEquals([meter.roundTrip(0), meter.silence(9), meter.answeredAt], [0, 0, -Infinity]);
  const [first, second, third] = [10, 20, 30].map((now) => meter.ask(0, now));
  meter.answer(first!, undefined, 50);
  assertEquals([meter.roundTrip(50), meter.silence(50), meter.answeredAt], [40, 30, 50]);
  meter.answer(third!, undefined, 60);
  assertEquals([meter.roundTrip(60), meter.silence(1000)], [30, 0]);
  // The answer to the second was overtaken.
  meter.answer(second!, undefined, 70);
  assertEquals([meter.roundTrip(70), meter.answeredAt], [30, 60]);
});

Deno.test("PathMeter calls a path stuck when nothing was answered for a time and a round trip", () => {
  const meter = new PathMeter();
  meter.answer(meter.ask(0, 0), undefined, 80);
  meter.ask(0, 1000);
  meter.ask(0, 1500);
  assertEquals(meter.isStuck(1000 + STUCK_TIME + 79), false);
  assertEquals(meter.isStuck(1000 + STUCK_TIME + 80), true);
  assertEquals(meter.roundTrip(2000), 1000);
});

Deno.test("PathMeter believes a transport that knows what has arrived, rather than slow answers", () => {
  const meter = new PathMeter();
  meter.stalled(Infinity);
  meter.ask(0, 0);
  assertEquals([meter.silence(5000), meter.isStuck(5000)], [0, false]);
  meter.stalled(4000);
  assertEquals(meter.isStuck(5000), true);
});

Deno.test("PathMeter counts as lost what was sent between two probes and had not come", () => {
  const meter = new PathMeter();
  let [sent, received] = [2 ** 32 - 50, 2 ** 32 - 40];
  const probe = (): void => meter.answer(meter.ask(sent, 0), received % 2 ** 32, 1);
  probe();
  // What was received before the first answer is not known, and the counts go around.
  for (let i = 0; i < 5; i++) {
    [sent, received] = [sent + 100, received + 97];
    probe();
  }
  assertEquals(meter.loss.rate, 0.03);
  // What came late is no loss after all.
  received += 15;
  sent += 1;
  probe();
  assertEquals(Math.round(meter.loss.rate * 501), 1);
  meter.reset();
  assertEquals(meter.loss.rate, 0);
});

Deno.test("PathMeter passes over answers to what it never asked, and to what is long ago", () => {
  const meter = new PathMeter();
  const old = meter.ask(0, 0);
  for (const number of [0, old + 1, 2 ** 32 - 1, 77]) meter.answer(number, 0, 5);
  assertEquals(meter.answeredAt, -Infinity);
  for (let i = 0; i < 32; i++) meter.ask(0, i);
  meter.answer(old, 0, 40);
  assertEquals(meter.answeredAt, -Infinity);
});

Deno.test("PathMeter keeps to what can be, whatever is answered", () => {
  const random = new Random(1);
  const meter = new PathMeter();
  const asked: number[] = [];
  for (let now = 0, sent = 0; now < 100_000; now += random.integer(0, 50)) {
    if (random.next() < 0.3) asked.push(meter.ask(sent += random.integer(0, 100), now));
    if (random.next() < 0.1) meter.loss.next();
    const number = random.next() < 0.5 ? random.integer(0, 2 ** 32 - 1) : asked.at(-1) ?? 0;
    meter.answer(number, random.integer(0, 2 ** 32 - 1), now);
    assert(meter.loss.rate >= 0 && meter.loss.rate <= 1);
    assert(meter.roundTrip(now) >= 0 && meter.roundTrip(now) <= now);
    assert(meter.silence(now) >= 0 && meter.answeredAt <= now);
  }
});
