import { assert, assertEquals } from "@std/assert";
import { Batches, type BatchOwner } from "../../../lib/session/batches.ts";
import { Random } from "../../random.ts";

/** An owner that tells when it has to send. */
class Owner implements BatchOwner {
  readonly #batches: Batches;
  readonly #log: string[];
  readonly name: string;
  slot: number | undefined;

  constructor(batches: Batches, log: string[], name: string) {
    this.#batches = batches;
    this.#log = log;
    this.name = name;
  }

  take(): void {
    this.slot = this.#batches.take(this);
  }

  flush(): void {
    if (this.slot === undefined) return;
    this.#log.push(this.name);
    this.#batches.give(this);
    this.slot = undefined;
  }
}

function scene(
  slots: number,
  owners: number,
): { batches: Batches; log: string[]; owners: Owner[] } {
  const log: string[] = [];
  const batches = new Batches(new Uint8Array(slots * Batches.SLOT), 0, slots);
  const made = Array.from({ length: owners }, (_, i) => new Owner(batches, log, `${i}`));
  return { batches, log, owners: made };
}

Deno.test("whoever has held a slot for longest sends when all are taken", () => {
  const { batches, log, owners } = scene(2, 4);
  for (const owner of owners) owner.take();
  assertEquals(log, ["0", "1"]);
  batches.flush();
  assertEquals(log, ["0", "1", "2", "3"]);
});

Deno.test("no two owners ever have the same slot", () => {
  const random = new Random(3);
  const { batches, owners } = scene(5, 12);
  for (let step = 0; step < 5_000; step++) {
    const owner = owners[random.integer(0, owners.length - 1)]!;
    if (owner.slot === undefined) owner.take();
    else owner.flush();
    if (random.integer(0, 50) === 0) batches.flush();
    const slots = owners.flatMap(({ slot }) => slot ?? []);
    assert(slots.length <= 5 && new Set(slots).size === slots.length);
    assert(slots.every((slot) => slot % Batches.SLOT === 0 && slot < 5 * Batches.SLOT));
  }
});
