import { assert, assertEquals } from "@std/assert";
import { Random } from "../random.ts";
import { Clock } from "./clock.ts";
import { type Session, Wire } from "./wire.ts";

function newWire(seed = 1): { clock: Clock; wire: Wire } {
  const clock = new Clock();
  return { clock, wire: new Wire({ clock, random: new Random(seed), delay: [1, 40] }) };
}

/** Takes all bytes but, now and then, the last few, and notes what it was given. */
class Listener implements Session {
  readonly bytes: number[] = [];
  readonly pieces: number[] = [];
  ending = "";

  receive(bytes: Uint8Array, offset: number, length: number): number {
    const done = Math.max(0, length - this.pieces.length % 3);
    this.pieces.push(length);
    this.bytes.push(...bytes.subarray(offset, offset + done));
    return done;
  }

  disconnected(reason: string): void {
    this.ending = reason;
  }
}

Deno.test("a wire cuts and joins units, and loses or changes no byte", () => {
  const { clock, wire } = newWire();
  const listener = new Listener();
  wire.server.attach(listener);
  const units = Array.from({ length: 300 }, (_, i) => new Uint8Array(20).fill(i));
  for (const unit of units) {
    wire.client.send(unit, 0, unit.length);
    clock.run(1);
  }
  clock.run(1000);
  const sent = units.flatMap((unit) => [...unit]);
  assertEquals(listener.bytes, sent.slice(0, listener.bytes.length));
  assert(sent.length - listener.bytes.length <= 2);
  assert(listener.pieces.some((length) => length < 20), "some units were cut");
  assert(listener.pieces.some((length) => length > 40), "some units were joined");
});

Deno.test("a wire tells of the end after the last byte when the other end closes", () => {
  const { clock, wire } = newWire();
  const listener = new Listener();
  wire.client.attach(listener);
  wire.server.send(new Uint8Array(1000), 0, 1000);
  wire.server.close();
  clock.waitUntil(() => listener.ending !== "");
  assert(listener.bytes.length >= 998);
  assertEquals(listener.ending, "the connection was closed");
});

Deno.test("a silent wire carries neither bytes nor the news of its end", () => {
  const { clock, wire } = newWire();
  const listener = new Listener();
  wire.client.attach(listener);
  wire.server.send(new Uint8Array(1000), 0, 1000);
  wire.silence();
  wire.server.send(new Uint8Array(1000), 0, 1000);
  wire.server.close();
  wire.break();
  clock.run(60_000);
  assertEquals([listener.bytes.length, listener.ending], [0, ""]);
});

Deno.test("a wire that stalls carries everything when it goes on", () => {
  const { clock, wire } = newWire();
  const listener = new Listener();
  wire.client.attach(listener);
  wire.server.send(new Uint8Array(1000), 0, 1000);
  wire.stall(20_000);
  wire.server.send(new Uint8Array(1000), 0, 1000);
  clock.run(19_999);
  assertEquals(listener.bytes.length, 0);
  clock.run(1000);
  assert(listener.bytes.length >= 1998);
});

Deno.test("a wire that breaks tells both ends", () => {
  const { clock, wire } = newWire();
  const [client, server] = [new Listener(), new Listener()];
  wire.client.attach(client);
  wire.server.attach(server);
  wire.break();
  clock.run(60_000);
  assertEquals([client.ending, server.ending], ["the connection broke", "the connection broke"]);
});

Deno.test("a wire tells nothing more to an end that was closed", () => {
  const { clock, wire } = newWire();
  const listener = new Listener();
  wire.client.attach(listener);
  wire.server.send(new Uint8Array(1000), 0, 1000);
  wire.client.close();
  wire.server.close();
  clock.run(60_000);
  assertEquals([listener.bytes.length, listener.ending], [0, ""]);
});
