import { assert, assertEquals } from "@std/assert";
import { parsePrefix, type Prefix } from "../../../lib/address/prefix.ts";
import { type Peer, Registry } from "../../../lib/config/registry.ts";
import {
  allowCommand,
  Announcements,
  networksInForce,
  networksNotAllowed,
} from "../../../lib/session/announcements.ts";
import { ANNOUNCEMENT_CHANGES, ANNOUNCEMENT_WINDOW } from "../../../lib/session/limits.ts";
import { Random } from "../../random.ts";

function networks(...texts: string[]): Prefix[] {
  return texts.map(parsePrefix);
}

function peer(name: string, ...routes: string[]): Peer {
  return {
    name,
    publicKey: `${name}'s key`,
    address: undefined,
    routes: networks(...routes),
    enabled: true,
    isolated: false,
    created: 0,
  };
}

/** What is told of a registry, as text. */
function told(announcements: Announcements, registry: Registry): string[] {
  return announcements.untold(registry).map(({ peer, networks }) => `${peer.name}: ${networks}`);
}

Deno.test("All that is allowed is in force, or of what is announced all that is allowed", () => {
  const allowed = networks("10.0.0.0/8", "192.168.7.0/24", "2001:db8::/32");
  const cases: [announced: string[], inForce: string[], notAllowed: string[]][] = [
    [[], ["10.0.0.0/8", "192.168.7.0/24", "2001:db8::/32"], []],
    [["192.168.7.0/24"], ["192.168.7.0/24"], []],
    [["10.1.0.0/16", "192.168.8.0/24"], ["10.1.0.0/16"], ["192.168.8.0/24"]],
    [["192.168.0.0/16"], [], ["192.168.0.0/16"]],
    [["2001:db8:7::/64", "2001:db9::/64"], ["2001:db8:7::/64"], ["2001:db9::/64"]],
  ];
  for (const [texts, inForce, notAllowed] of cases) {
    const announced = networks(...texts);
    assertEquals(networksInForce(allowed, announced).map(String), inForce);
    assertEquals(networksNotAllowed(allowed, announced).map(String), notAllowed);
  }
});

Deno.test("What is in force is what a naive model says, address by address", () => {
  const random = new Random(11);
  /** Of 10.0.0.0/24: an address is the last byte. */
  const some = (): [first: number, length: number][] =>
    Array.from({ length: random.integer(0, 4) }, () => {
      const length = random.integer(24, 32);
      return [random.integer(0, 255) >> (32 - length) << (32 - length), length];
    });
  const parsed = (list: [number, number][]): Prefix[] =>
    networks(...list.map(([first, length]) => `10.0.0.${first}/${length}`));
  const addresses = ([first, length]: [number, number]): number[] =>
    Array.from({ length: 2 ** (32 - length) }, (_, i) => first + i);
  for (let i = 0; i < 5_000; i++) {
    const [allowed, announced] = [some(), some()];
    const mayHave = allowed.map((network) => new Set(addresses(network)));
    const fits = announced.filter((network) =>
      mayHave.some((set) => addresses(network).every((address) => set.has(address)))
    );
    const expected = announced.length === 0 ? allowed : fits;
    const [all, some6] = [parsed(allowed), parsed(announced)];
    assertEquals(networksInForce(all, some6).map(String), parsed(expected).map(String));
    const rest = announced.filter((network) => !fits.includes(network));
    assertEquals(networksNotAllowed(all, some6).map(String), parsed(rest).map(String));
  }
});

Deno.test("Announcements put into force what a registry allows, whenever either changes", () => {
  const announcements = new Announcements();
  const one = new Registry([peer("pi", "192.168.0.0/16"), peer("box", "10.9.0.0/16")]);
  const routesOf = (registry: Registry): string[] =>
    announcements.inForce(registry).peers.map(({ routes }) => routes.join(" "));
  assertEquals(routesOf(one), ["192.168.0.0/16", "10.9.0.0/16"]);
  assertEquals(announcements.set("pi's key", networks("192.168.7.0/24", "10.7.0.0/16"), 0), true);
  assertEquals(routesOf(one), ["192.168.7.0/24", "10.9.0.0/16"]);
  assert(announcements.inForce(one) === announcements.inForce(one), "it is computed once");
  const other = one.changePeer("pi", { routes: networks("10.7.0.0/16") });
  assertEquals(routesOf(other), ["10.7.0.0/16", "10.9.0.0/16"]);
  assertEquals(announcements.set("pi's key", [], 0), true);
  assertEquals(routesOf(other), ["10.7.0.0/16", "10.9.0.0/16"]);
  announcements.set("pi's key", networks("10.1.0.0/16"), 0);
  announcements.keep(new Set(["box's key"]));
  assertEquals(announcements.of("pi's key"), []);
});

Deno.test("What is not allowed is told once, and again when it is something else", () => {
  const announcements = new Announcements();
  const registry = new Registry([peer("pi", "10.7.0.0/16"), peer("box")]);
  assertEquals(told(announcements, registry), []);
  announcements.set("pi's key", networks("10.7.1.0/24", "10.8.0.0/16", "10.9.0.0/16"), 0);
  announcements.set("nobody's key", networks("10.8.0.0/16"), 0);
  assertEquals(told(announcements, registry), ["pi: 10.8.0.0/16,10.9.0.0/16"]);
  assertEquals(told(announcements, registry), []);
  const more = registry.changePeer("pi", { routes: networks("10.7.0.0/16", "10.8.0.0/16") });
  assertEquals(told(announcements, more), ["pi: 10.9.0.0/16"]);
  announcements.set("pi's key", networks("10.8.0.0/16"), 0);
  assertEquals(told(announcements, more), []);
  assertEquals(told(announcements, registry), ["pi: 10.8.0.0/16"]);
});

Deno.test("A peer that announces something else all the time is refused, for a while", () => {
  const announcements = new Announcements();
  const set = (i: number, now: number): boolean | "refused" =>
    announcements.set("pi's key", networks(`10.${i}.0.0/16`), now);
  for (let i = 0; i < ANNOUNCEMENT_CHANGES; i++) assertEquals(set(i, i), true);
  assertEquals(set(99, 50), "refused");
  assertEquals(set(ANNOUNCEMENT_CHANGES - 1, 50), false, "the same as before is nothing new");
  assertEquals(set(99, ANNOUNCEMENT_WINDOW), true);
  for (let i = 1; i < ANNOUNCEMENT_CHANGES; i++) set(i, ANNOUNCEMENT_WINDOW + 1);
  assertEquals(set(99, ANNOUNCEMENT_WINDOW + 1), "refused");
  assertEquals(set(99, 0), true, "the clock was set back");
});

Deno.test("The command that allows networks has those that are allowed already", () => {
  assertEquals(
    allowCommand("pi", networks("10.7.0.0/16"), networks("192.168.7.0/24", "2001:db8::/64")),
    "simplevpn-server peers set pi --route 10.7.0.0/16 --route 192.168.7.0/24 --route 2001:db8::/64",
  );
});
