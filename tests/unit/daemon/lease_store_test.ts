import { assert, assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../daemon/failure.ts";
import { formatLeases, LeaseStore, parseLeases } from "../../../daemon/lease_store.ts";
import { formatIpv4, parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import type { Lease } from "../../../lib/address/leases.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import type { ServerEvent } from "../../../lib/session/server_event.ts";
import { Random } from "../../random.ts";
import { orSyntaxError } from "../or_error.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const SOURCES = ["192.0.2.1", "2001:db8::1", "", '"}]\\', "\0\n\u2028", "é𝄞", "__proto__"];

function randomLeases(random: Random): Lease[] {
  return Array.from({ length: random.integer(0, 20) }, () => ({
    address: random.integer(0, 2 ** 32 - 1),
    source: random.pick(SOURCES),
  }));
}

/** What a lease file says, read by the book: undefined if it says nothing. */
function model(text: string): Lease[] | undefined {
  const file = orSyntaxError(() => JSON.parse(text));
  const whole = typeof file === "object" && file !== null && file.version === 1 &&
    file.leases instanceof Array && file.leases.every(isLease);
  return whole
    ? file.leases.map((lease: { address: string; source: string }) => ({
      address: parseIpv4(lease.address),
      source: lease.source,
    }))
    : undefined;
}

function isLease(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { address, source } = value as Record<string, unknown>;
  return typeof address === "string" && typeof source === "string" &&
    orSyntaxError(() => parseIpv4(address)) !== undefined;
}

function joined(address: string, source: string): ServerEvent {
  return { type: "joined", address: parseIpv4(address), source, grant: "dynamic" };
}

function left(address: string, source: string): ServerEvent {
  return { type: "left", address: parseIpv4(address), source, reason: "for a test" };
}

/** The addresses in a folder's lease file, oldest first. */
function written(folder: string): string[] {
  return parseLeases(Deno.readTextFileSync(`${folder}/leases.json`))
    .map(({ address }) => formatIpv4(address));
}

const everywhere = { includes: (): boolean => true };

Deno.test("parseLeases() reads what formatLeases() writes", () => {
  const random = new Random(23);
  for (let i = 0; i < 500; i++) {
    const leases = randomLeases(random);
    assertEquals(parseLeases(formatLeases(leases)), leases);
  }
});

Deno.test("parseLeases() throws SyntaxError for any other text", () => {
  const texts = [
    "",
    "null",
    "7",
    "[]",
    "{}",
    '{"version":2,"leases":[]}',
    '{"version":"1","leases":[]}',
    '{"version":1}',
    '{"version":1,"leases":{"length":1}}',
    '{"version":1,"leases":[null]}',
    '{"version":1,"leases":["10.0.0.2"]}',
    '{"version":1,"leases":[{"address":"10.0.0.2"}]}',
    '{"version":1,"leases":[{"address":167772162,"source":"a"}]}',
    '{"version":1,"leases":[{"address":"10.0.0","source":"a"}]}',
    '{"version":1,"leases":[]} trailing',
    `{"version":1,"leases":${"[".repeat(100_000)}`,
  ];
  for (const text of texts) assertThrows(() => parseLeases(text), SyntaxError);
});

Deno.test("parseLeases() agrees with a naive model about garbled files", () => {
  const random = new Random(24);
  let valid = 0;
  for (let i = 0; i < 5_000; i++) {
    const text = random.garble(formatLeases(randomLeases(random).slice(0, 2)), '0123.{}[]":, \\');
    const leases = orSyntaxError(() => parseLeases(text));
    assertEquals(leases, model(text), text);
    if (leases !== undefined) valid++;
  }
  assert(valid > 500 && valid < 4_500, `${valid} of the files were valid`);
});

Deno.test("LeaseStore begins without leases when there is no file", () => {
  using folder = new TemporaryFolder();
  assertEquals(new LeaseStore(folder.path).within(everywhere), []);
});

Deno.test("LeaseStore remembers across a restart, in order of use", () => {
  using folder = new TemporaryFolder();
  const store = new LeaseStore(folder.path);
  store.apply(joined("10.0.0.2", "a"));
  store.apply(joined("10.0.0.3", "b"));
  store.apply(left("10.0.0.2", "a"));
  store.close();
  assertEquals(new LeaseStore(folder.path).within(everywhere), [
    { address: parseIpv4("10.0.0.3"), source: "b" },
    { address: parseIpv4("10.0.0.2"), source: "a" },
  ]);
});

Deno.test("LeaseStore.within() gives the leases of a network only, but keeps the others", () => {
  using folder = new TemporaryFolder();
  const store = new LeaseStore(folder.path);
  store.apply(joined("10.0.0.2", "a"));
  store.apply(joined("10.1.0.2", "a"));
  store.close();
  const network = parseIpv4Prefix("10.1.0.0/16");
  const within = new LeaseStore(folder.path).within({ includes: (a) => network.contains(a) });
  assertEquals(within.map(({ address }) => formatIpv4(address)), ["10.1.0.2"]);
  assertEquals(written(folder.path), ["10.0.0.2", "10.1.0.2"]);
});

Deno.test("LeaseStore writes the first change at once, and what comes soon after together", () => {
  using folder = new TemporaryFolder();
  using timeouts = new Timeouts();
  const store = new LeaseStore(folder.path);
  store.apply(joined("10.0.0.2", "a"));
  assertEquals(written(folder.path), ["10.0.0.2"]);
  store.apply(joined("10.0.0.3", "b"));
  store.apply(joined("10.0.0.4", "c"));
  assertEquals(written(folder.path), ["10.0.0.2"]);
  timeouts.fire();
  assertEquals(written(folder.path), ["10.0.0.2", "10.0.0.3", "10.0.0.4"]);
  timeouts.fire();
  assertEquals(timeouts.waiting, 0);
  store.apply(joined("10.0.0.5", "d"));
  assertEquals(written(folder.path).length, 4);
  store.close();
});

Deno.test("LeaseStore writes nothing for events that change no lease", () => {
  using folder = new TemporaryFolder();
  const store = new LeaseStore(folder.path);
  store.apply({ type: "refused", address: 1, source: "a" });
  store.apply({ type: "exhausted", capacity: 1 });
  store.apply({ type: "stranger", source: "a", reason: "for a test" });
  store.close();
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("LeaseStore sets a damaged file aside and goes on without leases", () => {
  using folder = new TemporaryFolder();
  const path = `${folder.path}/leases.json`;
  Deno.writeTextFileSync(path, '{"version":1,"leases":[{"addr');
  const store = new LeaseStore(folder.path);
  assertEquals(store.within(everywhere), []);
  assertEquals(Deno.readTextFileSync(`${path}.damaged`), '{"version":1,"leases":[{"addr');
  store.apply(joined("10.0.0.2", "a"));
  store.close();
  assertEquals(written(folder.path), ["10.0.0.2"]);
});

Deno.test("LeaseStore throws Failure when the file is there but cannot be read", () => {
  using folder = new TemporaryFolder();
  Deno.mkdirSync(`${folder.path}/leases.json`);
  assertThrows(() => new LeaseStore(folder.path), Failure, "Cannot read");
});

Deno.test("LeaseStore goes on when the file cannot be written", () => {
  using folder = new TemporaryFolder();
  const store = new LeaseStore(folder.path);
  Deno.mkdirSync(`${folder.path}/leases.json.new`);
  store.apply(joined("10.0.0.2", "a"));
  Deno.removeSync(`${folder.path}/leases.json.new`);
  store.apply(joined("10.0.0.3", "b"));
  store.close();
  assertEquals(written(folder.path), ["10.0.0.2", "10.0.0.3"]);
});

/** Takes the place of setTimeout(): what is set waits until the test says that its time has come. */
class Timeouts implements Disposable {
  readonly #original = globalThis.setTimeout;
  #waiting: (() => void)[] = [];

  constructor() {
    globalThis.setTimeout = ((callback: () => void) => this.#waiting.push(callback)) as never;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  fire(): void {
    for (const callback of this.#waiting.splice(0)) callback();
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#original;
  }
}
