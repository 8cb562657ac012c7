import { assertEquals } from "@std/assert";
import { type Lease, Leases } from "../../../lib/address/leases.ts";
import { Random } from "../../random.ts";

/** The same rules on a plain list, oldest lease first. */
class Model {
  list: Lease[] = [];

  constructor(readonly limit: number) {}

  remember(address: number, source: string): void {
    this.list = [...this.list.filter((lease) => lease.address !== address), { address, source }]
      .slice(-this.limit);
  }

  forget(address: number): void {
    this.list = this.list.filter((lease) => lease.address !== address);
  }

  renew(address: number): void {
    const lease = this.list.find((lease) => lease.address === address);
    if (lease !== undefined) this.remember(address, lease.source);
  }
}

const any = (): boolean => true;

Deno.test("Leases keeps the order of use", () => {
  const leases = new Leases(10);
  leases.remember(1, "a");
  leases.remember(2, "b");
  leases.remember(3, "a");
  leases.renew(1);
  assertEquals([...leases], [
    { address: 2, source: "b" },
    { address: 3, source: "a" },
    { address: 1, source: "a" },
  ]);
  assertEquals([leases.oldest(any), leases.latestOf("a", any)], [2, 1]);
});

Deno.test("Leases.remember() moves an address to its new holder", () => {
  const leases = new Leases(10, [{ address: 1, source: "a" }]);
  leases.remember(1, "b");
  assertEquals([leases.latestOf("a", any), leases.latestOf("b", any), leases.size], [
    undefined,
    1,
    1,
  ]);
});

Deno.test("Leases drops the oldest at its limit", () => {
  const leases = new Leases(2, [1, 2, 3].map((address) => ({ address, source: "a" })));
  assertEquals([...leases].map(({ address }) => address), [2, 3]);
});

Deno.test("Leases keeps nothing when its limit is 0", () => {
  const leases = new Leases(0);
  leases.remember(1, "a");
  assertEquals([leases.size, leases.has(1), leases.latestOf("a", any)], [0, false, undefined]);
});

Deno.test("Leases.renew() of an unknown address does nothing", () => {
  const leases = new Leases(2);
  leases.renew(1);
  assertEquals([...leases], []);
});

Deno.test("Leases agrees with a naive model after any operations", () => {
  const random = new Random(11);
  for (let round = 0; round < 50; round++) {
    const model = new Model(random.integer(1, 12));
    const leases = new Leases(model.limit);
    for (let i = 0; i < 100; i++) {
      const address = random.integer(1, 16);
      const source = random.pick(["a", "b", "c", "__proto__", ""]);
      const operation = random.pick(["remember", "remember", "forget", "renew"] as const);
      leases[operation](address, source);
      model[operation](address, source);
      const usable = (address: number): boolean => (address & round) === 0;
      assertEquals([...leases], model.list);
      assertEquals(leases.size, model.list.length);
      assertEquals(leases.has(address), model.list.some((lease) => lease.address === address));
      const list = model.list.filter((lease) => usable(lease.address));
      assertEquals(leases.oldest(usable), list[0]?.address);
      assertEquals(
        leases.latestOf(source, usable),
        list.findLast((lease) => lease.source === source)?.address,
      );
    }
  }
});
