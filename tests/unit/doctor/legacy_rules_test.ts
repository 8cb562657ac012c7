import { assertEquals } from "@std/assert";
import { legacyDrops } from "../../../lib/doctor/legacy_rules.ts";

const OURS = /-p tcp\b.*\b2002\b/;

function drops(...rules: string[]): boolean {
  return legacyDrops(rules.join("\n"), "INPUT", OURS);
}

Deno.test("legacyDrops() finds a policy that drops what no rule accepts", () => {
  const ssh = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT";
  assertEquals(drops("-P INPUT DROP", "-P FORWARD ACCEPT", ssh), true);
  assertEquals(drops("-P INPUT ACCEPT", "-P FORWARD DROP", ssh), false);
  assertEquals(drops(""), false);
});

Deno.test("legacyDrops() sees the rule that accepts, and leaves other chains' alone", () => {
  const ours = "-A INPUT -p tcp -m tcp --dport 2002 -j ACCEPT";
  assertEquals(drops("-P INPUT DROP", ours), false);
  assertEquals(drops("-P INPUT DROP", ours.replace("INPUT", "FORWARD")), true);
  assertEquals(drops("-P INPUT DROP", ours.replace("ACCEPT", "DROP")), true);
});

Deno.test("legacyDrops() says nothing where another chain decides, or all is accepted", () => {
  assertEquals(drops("-P INPUT DROP", "-A INPUT -j ufw-before-input"), false);
  assertEquals(drops("-P INPUT DROP", "-A INPUT -j ACCEPT"), false);
});
