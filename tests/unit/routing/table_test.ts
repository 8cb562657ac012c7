import { assertEquals, assertThrows } from "@std/assert";
import { RoutingTable } from "../../../lib/routing/table.ts";
import { Random } from "../../random.ts";

Deno.test("RoutingTable.add() throws when the address has an owner, who keeps it", () => {
  const table = new RoutingTable<string>();
  table.add(0xc0a80001, "a");
  assertThrows(() => table.add(0xc0a80001, "b"), Error, "owner already");
  assertEquals(table.ownerOf(0xc0a80001), "a");
});

Deno.test("RoutingTable agrees with a naive model about addresses of both halves", () => {
  const random = new Random(19);
  const table = new RoutingTable<number>();
  const model: { address: number; owner: number }[] = [];
  for (let i = 0; i < 5_000; i++) {
    const address = random.pick([0, 0x7fffff00, 0x80000000, 0xffffff00]) + random.integer(0, 20);
    const at = model.findIndex((entry) => entry.address === address);
    assertEquals(table.ownerOf(address), model[at]?.owner);
    if (at < 0) {
      table.add(address, i);
      model.push({ address, owner: i });
    } else {
      table.delete(address);
      model.splice(at, 1);
    }
    assertEquals(table.size, model.length);
  }
});
