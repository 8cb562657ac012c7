import { assertEquals } from "@std/assert";
import { inTurn } from "../../../lib/session/candidates.ts";
import { Random } from "../../random.ts";

/** Addresses of texts that begin with 4 or 6, which stand for their families. */
function order(texts: string, preferred?: string): string {
  const addresses = texts.split(" ").map((text) => ({
    family: Number(text[0]),
    toString: () => text,
  }));
  return inTurn(addresses, preferred).join(" ");
}

Deno.test("inTurn() takes one of each family by turns, and keeps the order within each", () => {
  const orders: Record<string, string> = {
    "4a": "4a",
    "4a 4b 4c": "4a 4b 4c",
    "6a 6b 6c 4a 4b 4c": "6a 4a 6b 4b 6c 4c",
    "4a 4b 4c 6a": "4a 6a 4b 4c",
    "6a 4a 4b 4c": "6a 4a 4b 4c",
    "4a 6a 4b 6b": "4a 6a 4b 6b",
  };
  for (const [given, expected] of Object.entries(orders)) assertEquals(order(given), expected);
});

Deno.test("inTurn() begins with the preferred address, and then with the other family", () => {
  assertEquals(order("6a 6b 4a 4b", "4b"), "4b 6a 4a 6b");
  assertEquals(order("6a 6b 4a 4b", "6b"), "6b 4a 6a 4b");
  assertEquals(order("6a 4a", "4c"), "6a 4a");
});

Deno.test("inTurn() names each address once, and none that was not given", () => {
  const random = new Random(1);
  for (let i = 0; i < 500; i++) {
    const given = Array.from(
      { length: random.integer(1, 12) },
      () => `${random.integer(0, 1) === 0 ? 4 : 6}${random.integer(0, 5)}`,
    );
    const ordered = order(given.join(" "), `4${random.integer(0, 5)}`).split(" ");
    assertEquals(ordered.toSorted(), [...new Set(given)].toSorted());
  }
});
