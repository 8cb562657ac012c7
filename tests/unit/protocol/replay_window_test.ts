import { assert, assertEquals } from "@std/assert";
import { REPLAY_WINDOW, ReplayWindow } from "../../../lib/protocol/replay_window.ts";
import { Random } from "../../random.ts";

/** Takes a counter if the window lets it; returns whether it did. */
function take(window: ReplayWindow, counter: number): boolean {
  if (!window.isNew(counter)) return false;
  window.add(counter);
  return true;
}

/** The same by remembering everything. */
class NaiveWindow {
  readonly #seen = new Set<number>();
  #greatest = -1;

  take(counter: number): boolean {
    if (counter <= this.#greatest - REPLAY_WINDOW || this.#seen.has(counter)) return false;
    this.#seen.add(counter);
    this.#greatest = Math.max(this.#greatest, counter);
    return true;
  }
}

Deno.test("ReplayWindow takes each counter once, in whatever order", () => {
  const window = new ReplayWindow();
  assertEquals([3, 0, 3, 1, 0, 2, 4].map((counter) => take(window, counter)), [
    ...[true, true, false, true, false, true, true],
  ]);
});

Deno.test("ReplayWindow takes what is within 8,128 of the greatest, and nothing older", () => {
  assert(REPLAY_WINDOW >= 8128);
  for (const greatest of [8127, 8128, 8159, 8160, 100_000, 2 ** 32 + 5]) {
    const window = new ReplayWindow();
    take(window, greatest);
    assert(take(window, greatest - REPLAY_WINDOW + 1), `${greatest}`);
    assert(greatest < REPLAY_WINDOW || !take(window, greatest - REPLAY_WINDOW), `${greatest}`);
  }
});

Deno.test("ReplayWindow says the same as a model that remembers everything", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const [window, naive] = [new ReplayWindow(), new NaiveWindow()];
    let greatest = random.integer(0, 1) * 2 ** 40;
    for (let i = 0; i < 20_000; i++) {
      const jump = random.integer(0, 99) === 0 ? random.integer(0, 3 * REPLAY_WINDOW) : 0;
      const back = random.integer(0, 9) === 0 ? REPLAY_WINDOW + 64 : 40;
      const counter = Math.max(0, greatest + jump + 4 - random.integer(0, back));
      greatest = Math.max(greatest, counter);
      assertEquals(take(window, counter), naive.take(counter), `seed ${seed}, counter ${counter}`);
    }
  }
});
