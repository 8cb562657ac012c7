import { assertEquals } from "@std/assert";
import { EventLoop } from "../../../daemon/event_loop.ts";
import { SleepWatch } from "../../../daemon/sleep_watch.ts";

/** Runs a loop for one turn with a watch on it whose clocks are set by hand. */
function watch(test: (advance: (awake: number, asleep: number) => void) => void): number[] {
  const told: number[] = [];
  const loop = new EventLoop();
  let [boot, awake] = [5_000_000, 3_000_000];
  const clocks = { boot: () => boot, awake: () => awake };
  const it = new SleepWatch(loop, (slept) => told.push(slept), clocks);
  test((more, asleep) => {
    awake += more;
    boot += more + asleep;
    it.look();
  });
  // The file descriptor is readable never, or for a reason: to look then is right in any case.
  it.ready();
  loop.stop();
  loop.run({ deadline: Infinity, advance: () => {}, endTurn: () => {} });
  return told;
}

Deno.test("time that passes awake is no sleep, however long", () => {
  assertEquals(watch((advance) => [1, 1_000, 86_400_000].forEach((time) => advance(time, 0))), []);
});

Deno.test("a sleep is told of once, with its length", () => {
  const told = watch((advance) => {
    advance(10, 7_000);
    advance(10, 0);
    advance(1_000, 3_600_000);
  });
  assertEquals(told, [7_000, 3_600_000]);
});

Deno.test("the moment between reading two clocks is no sleep, and many of them are none", () => {
  assertEquals(
    watch((advance) => {
      for (let i = 0; i < 100; i++) advance(10, i % 2 === 0 ? 1 : -1);
    }),
    [],
  );
});
