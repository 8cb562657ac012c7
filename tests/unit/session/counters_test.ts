import { assertEquals } from "@std/assert";
import { Counters, DROP_NAMES, DropReason, Way } from "../../../lib/session/counters.ts";
import { Random } from "../../random.ts";

/** The numbers of an enum, which has its names as keys too. */
function members(of: Record<string, string | number>): number[] {
  return Object.values(of).filter((value) => typeof value === "number");
}

Deno.test("Every drop reason has a name of its own in snake_case", () => {
  const names = members(DropReason).map((reason) => DROP_NAMES[reason as DropReason]);
  assertEquals(new Set(names).size, Object.keys(DROP_NAMES).length);
  assertEquals(names.filter((name) => !/^[a-z]+(_[a-z]+)*$/.test(name)), []);
});

Deno.test("Counters.read() gives ways always, and drops only where there were any", () => {
  const counters = new Counters();
  counters.pass(Way.ToTun, 84);
  counters.pass(Way.ToTun, 16);
  counters.drop(DropReason.NoRoute);
  assertEquals(counters.read(), {
    packets: { from_tun: 0, to_tun: 2, from_peers: 0, to_peers: 0 },
    bytes: { from_tun: 0, to_tun: 100, from_peers: 0, to_peers: 0 },
    drops: { no_route: 1 },
  });
});

Deno.test("Counters count what was passed and dropped, each for itself", () => {
  const random = new Random(21);
  const counters = new Counters();
  const passed: [Way, number][] = [];
  const dropped: DropReason[] = [];
  for (let i = 0; i < 2_000; i++) {
    const [way, length] = [random.pick(members(Way)), random.integer(20, 65535)];
    const reason = random.pick(members(DropReason));
    counters.pass(way, length);
    passed.push([way, length]);
    counters.drop(reason);
    dropped.push(reason);
  }
  const { packets, bytes, drops } = counters.read();
  for (const [i, name] of Object.keys(packets).entries()) {
    const lengths = passed.filter(([way]) => way === i).map(([_, length]) => length);
    assertEquals(packets[name], lengths.length);
    assertEquals(bytes[name], lengths.reduce((sum, length) => sum + length, 0));
  }
  for (const reason of members(DropReason) as DropReason[]) {
    const count = dropped.filter((other) => other === reason).length;
    assertEquals([counters.dropped(reason), drops[DROP_NAMES[reason]]], [count, count]);
  }
});

Deno.test("Counters over the same memory are the same counters", () => {
  const memory = new SharedArrayBuffer(Counters.BYTE_LENGTH);
  new Counters(memory).drop(DropReason.OutboxFull);
  assertEquals(new Counters(memory).dropped(DropReason.OutboxFull), 1);
});

Deno.test("What a part counts is counted by the whole as well, and what is added is not", () => {
  const whole = new Counters();
  const parts = [whole.part(), whole.part().part()];
  for (const part of parts) {
    part.pass(Way.FromPeers, 100);
    part.grow(Way.FromPeers, 20);
    part.drop(DropReason.Flood, 3);
  }
  const once = parts[0]!.read();
  assertEquals(once.bytes.from_peers, 120);
  assertEquals(parts[1]!.read(), once);
  assertEquals(whole.read().packets.from_peers, 2);
  assertEquals([whole.read().bytes.from_peers, whole.read().drops], [240, { flood: 6 }]);
  parts[0]!.add(parts[1]!.copy());
  assertEquals(parts[0]!.read(), whole.read());
  assertEquals(whole.read().packets.from_peers, 2);
  assertEquals(new Counters(whole.copy().buffer).read(), whole.read());
});
