import { assert, assertEquals, assertThrows } from "@std/assert";
import { findDrop, hasSourceNat, parseRuleset } from "../../../lib/doctor/nft_ruleset.ts";
import { Random } from "../../random.ts";

type Part = Record<string, unknown>;

const ACCEPT: Part = { accept: null };
const DROP: Part = { drop: null };

function match(left: Part, right: unknown, op = "=="): Part {
  return { match: { op, left, right } };
}

const dport = (protocol: string, right: unknown, op?: string): Part =>
  match({ payload: { protocol, field: "dport" } }, right, op);
const meta = (key: string, right: unknown, op?: string): Part =>
  match({ meta: { key } }, right, op);

/** The text of a ruleset with one chain at the input hook, and one that it may jump to. */
function ruleset(policy: string, rules: Part[][], others: Part[][] = []): string {
  const place = { family: "inet", table: "filter" };
  const hooked = { ...place, name: "in", type: "filter", hook: "input", prio: 0, policy };
  return JSON.stringify({
    nftables: [
      { metainfo: { version: "1.0.6" } },
      { table: { family: "inet", name: "filter" } },
      { chain: hooked },
      { chain: { ...place, name: "other" } },
      ...rules.map((expr) => ({ rule: { ...place, chain: "in", expr } })),
      ...others.map((expr) => ({ rule: { ...place, chain: "other", expr } })),
    ],
  });
}

function drops(policy: string, rules: Part[][], others: Part[][] = []): boolean {
  const chains = parseRuleset(ruleset(policy, rules, others));
  return findDrop(chains, "input", { protocol: "tcp", port: 2002 }) !== undefined;
}

Deno.test("findDrop() finds the chain whose policy drops what no rule accepts", () => {
  assertEquals(drops("accept", []), false);
  assertEquals(drops("drop", []), true);
  const chains = parseRuleset(ruleset("drop", []));
  assertEquals(findDrop(chains, "forward", {}), undefined);
  const { family, table, name } = findDrop(chains, "input", {})!;
  assertEquals([family, table, name], ["inet", "filter", "in"]);
});

Deno.test("findDrop() goes by the first rule that is about the packet", () => {
  assertEquals(drops("drop", [[dport("tcp", 2002), ACCEPT]]), false);
  assertEquals(drops("accept", [[dport("tcp", 2002), { counter: {} }, DROP]]), true);
  assertEquals(drops("accept", [[dport("tcp", 2002), ACCEPT], [DROP]]), false);
  assertEquals(drops("accept", [[meta("l4proto", "tcp"), { reject: null }]]), true);
});

Deno.test("findDrop() passes rules over that are about something else", () => {
  for (
    const other of [
      dport("tcp", 22),
      dport("udp", 2002),
      dport("tcp", 2002, "!="),
      dport("tcp", { set: [22, { range: [3000, 4000] }] }),
      match({ payload: { protocol: "icmp", field: "type" } }, "echo-request"),
      match({ ct: { key: "state" } }, ["established", "related"], "in"),
      meta("l4proto", "udp"),
      meta("iif", "lo"),
      meta("iifname", "lo"),
    ]
  ) {
    assertEquals(drops("drop", [[other, ACCEPT]]), true, JSON.stringify(other));
    assertEquals(drops("accept", [[other, DROP]]), false, JSON.stringify(other));
  }
});

Deno.test("findDrop() knows sets, ranges and new connections", () => {
  for (
    const own of [
      dport("tcp", { set: [22, 2002] }),
      dport("tcp", { set: [{ range: [2000, 2010] }] }),
      dport("th", { range: [2000, 2010] }),
      match({ ct: { key: "state" } }, "new", "in"),
      meta("l4proto", { set: ["tcp", "udp"] }),
      meta("iifname", "lo", "!="),
    ]
  ) {
    assertEquals(drops("drop", [[own, ACCEPT]]), false, JSON.stringify(own));
  }
});

Deno.test("findDrop() says nothing of what depends on more than it knows", () => {
  for (
    const unsure of [
      dport("tcp", "@ports"),
      match({ payload: { protocol: "ip", field: "saddr" } }, "192.0.2.1"),
      meta("iifname", "eth0"),
      { limit: { rate: 3 } },
    ]
  ) {
    assertEquals(drops("drop", [[unsure, ACCEPT]]), false, JSON.stringify(unsure));
    assertEquals(drops("accept", [[unsure, DROP]]), false, JSON.stringify(unsure));
  }
  assertEquals(drops("drop", [[{ vmap: {} }]]), false);
  assertEquals(drops("drop", [[{ xt: { type: "target", name: "X" } }]]), false);
});

Deno.test("findDrop() follows chains, also those that lead to themselves", () => {
  const jump = [{ jump: { target: "other" } }];
  assertEquals(drops("drop", [jump], [[dport("tcp", 2002), ACCEPT]]), false);
  assertEquals(drops("accept", [jump], [[DROP]]), true);
  assertEquals(drops("accept", [jump, [DROP]], [[dport("tcp", 2002), { return: null }]]), true);
  assertEquals(drops("drop", [jump], [[dport("tcp", 2002), { return: null }], [ACCEPT]]), true);
  assertEquals(drops("drop", [jump], [jump]), false);
  assertEquals(drops("drop", [[{ jump: { target: "nowhere" } }]]), false);
});

Deno.test("hasSourceNat() looks for what rewrites sources behind a postrouting hook", () => {
  const place = { family: "ip", table: "nat" };
  const chain = { ...place, name: "post", type: "nat", hook: "postrouting" };
  const text = (expr: Part[]): string =>
    JSON.stringify({ nftables: [{ chain }, { rule: { ...place, chain: "post", expr } }] });
  assertEquals(hasSourceNat(parseRuleset(text([{ masquerade: null }]))), true);
  assertEquals(hasSourceNat(parseRuleset(text([{ snat: { addr: "192.0.2.1" } }]))), true);
  assertEquals(hasSourceNat(parseRuleset(text([ACCEPT]))), false);
});

/** What the kernel does with rules about ports alone, as simply as that can be said. */
function dropsSimply(policy: string, rules: [port: number, verdict: string][]): boolean {
  const verdict = rules.find(([port]) => port === 2002)?.[1] ?? policy;
  return verdict === "drop";
}

Deno.test("findDrop() decides on random rules of ports as a simple model does", () => {
  const random = new Random(2002);
  for (let round = 0; round < 500; round++) {
    const policy = random.pick(["drop", "accept"]);
    const rules = Array.from({ length: random.integer(0, 7) }, (): [number, string] => [
      random.integer(2000, 2004),
      random.pick(["drop", "accept"]),
    ]);
    const expressions = rules.map(([port, verdict]) => [dport("tcp", port), { [verdict]: null }]);
    const drop = drops(policy, expressions);
    assertEquals(drop, dropsSimply(policy, rules), JSON.stringify([policy, rules]));
  }
});

Deno.test("parseRuleset() takes any JSON, or throws a SyntaxError", () => {
  const random = new Random(1);
  const text = ruleset("drop", [[dport("tcp", 2002), ACCEPT], [meta("iifname", "eth*"), DROP]]);
  for (let round = 0; round < 3000; round++) {
    const damaged = random.garble(text, '[]{}",:0n');
    try {
      findDrop(parseRuleset(damaged), "input", { protocol: "udp", port: 1 });
      hasSourceNat(parseRuleset(damaged));
    } catch (error) {
      assert(error instanceof SyntaxError, `${damaged}: ${error}`);
    }
  }
  assertThrows(() => parseRuleset("{}"), SyntaxError, "no ruleset");
});
