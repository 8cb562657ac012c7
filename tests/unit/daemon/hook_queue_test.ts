import { assert, assertEquals } from "@std/assert";
import { type Hook, HookQueue } from "../../../daemon/hook_queue.ts";
import { Random } from "../../random.ts";

/** Runs that end when the test says so. */
class Runs {
  readonly begun: string[] = [];
  running = 0;
  most = 0;
  readonly #ends: (() => void)[] = [];

  readonly run = async (program: string): Promise<void> => {
    this.begun.push(program);
    this.most = Math.max(this.most, ++this.running);
    await new Promise<void>((resolve) => this.#ends.push(resolve));
    this.running--;
  };

  /** Ends those that run now. */
  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

function hook(kind: Hook["kind"], program: string | undefined): Hook {
  return { kind, program, variables: {} };
}

Deno.test("HookQueue runs those of one subject in order, one at a time", async () => {
  const runs = new Runs();
  const queue = new HookQueue(1000, runs.run);
  queue.add("pi", hook("begin", "1"));
  queue.add("pi", hook("change", "2"));
  assertEquals(runs.begun, ["1"]);
  await runs.end();
  queue.add("pi", hook("end", "3"));
  assertEquals(runs.begun, ["1", "2"]);
  await runs.end();
  assertEquals(runs.begun, ["1", "2", "3"]);
  await runs.end();
  assertEquals([runs.most, await queue.finish()], [1, 0]);
});

Deno.test("HookQueue runs eight at a time at the most", async () => {
  const runs = new Runs();
  const queue = new HookQueue(1000, runs.run);
  for (let i = 0; i < 30; i++) queue.add(`peer${i}`, hook("begin", `${i}`));
  assertEquals(runs.begun.length, 8);
  while (runs.running > 0) await runs.end();
  assertEquals([runs.begun.length, runs.most], [30, 8]);
});

Deno.test("HookQueue tells nobody of a visit that was over before its turn came", async () => {
  const runs = new Runs();
  const queue = new HookQueue(1000, runs.run);
  queue.add("pi", hook("begin", "first"));
  queue.add("pi", hook("end", "gone"));
  for (let i = 0; i < 1000; i++) {
    queue.add("pi", hook("begin", "again"));
    queue.add("pi", hook("change", "other"));
    queue.add("pi", hook("end", "gone"));
  }
  queue.add("pi", hook("begin", "last"));
  while (runs.running > 0) await runs.end();
  assertEquals(runs.begun, ["first", "gone", "last"]);
});

Deno.test("HookQueue passes over events that nobody wants to know of", async () => {
  const runs = new Runs();
  const queue = new HookQueue(1000, runs.run);
  for (let i = 0; i < 10_000; i++) queue.add(`peer${i}`, hook("begin", undefined));
  queue.add("peer5", hook("end", "gone"));
  assertEquals(runs.begun, ["gone"]);
  await runs.end();
  assertEquals(await queue.finish(), 0);
});

Deno.test("HookQueue tells each subject's begin and end by turns, whatever happens", async () => {
  const random = new Random(6);
  const runs = new Runs();
  const queue = new HookQueue(1000, runs.run);
  const there = new Set<string>();
  for (let i = 0; i < 3000; i++) {
    const subject = `${random.integer(0, 20)}`;
    const kind = there.has(subject) ? "end" : "begin";
    if (kind === "end") there.delete(subject);
    else there.add(subject);
    queue.add(subject, hook(kind, `${subject} ${kind}`));
    if (random.next() < 0.2) await runs.end();
  }
  while (runs.running > 0) await runs.end();
  for (let subject = 0; subject <= 20; subject++) {
    const told = runs.begun.filter((text) => text.startsWith(`${subject} `));
    const expected = told.map((_, i) => `${subject} ${i % 2 === 0 ? "begin" : "end"}`);
    assertEquals(told, expected);
    assertEquals(told.length % 2 === 1, there.has(`${subject}`));
  }
});

Deno.test("HookQueue's finish() waits no longer than for one, and counts the others", async () => {
  const runs: number[] = [];
  const queue = new HookQueue(200, async (_program, _variables, timeout) => {
    runs.push(timeout);
    await new Promise((resolve) => setTimeout(resolve, timeout));
  });
  for (let i = 0; i < 20; i++) queue.add(`${i}`, hook("end", "slow"));
  const left = await queue.finish();
  assertEquals(left + runs.length, 20);
  assert(left >= 4, `${left}`);
  assert(runs.every((timeout) => timeout <= 200));
});
