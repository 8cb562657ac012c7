import { assert, assertEquals } from "@std/assert";
import { offloadOf, PacketKind, WHOLE } from "../../../lib/packet/offload.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import {
  VIRTIO_NET_HEADER_LENGTH,
  VirtioNetHeader,
} from "../../../lib/packet/virtio_net_header.ts";
import { ControlType } from "../../../lib/protocol/control.ts";
import { MAX_FRAME_BODY } from "../../../lib/protocol/frame.ts";
import { Capability } from "../../../lib/protocol/hello.ts";
import { nodeCipher } from "../../../lib/protocol/node_cipher.ts";
import type { Handshake } from "../../../lib/protocol/noise.ts";
import { MAX_BATCH, RECORD_HEADER_LENGTH, recordKeyNumber } from "../../../lib/protocol/record.ts";
import { Batches } from "../../../lib/session/batches.ts";
import { Counters, DropReason } from "../../../lib/session/counters.ts";
import { REJECT_AFTER_TIME, REKEY_AFTER_TIME } from "../../../lib/session/limits.ts";
import { RecordChannel } from "../../../lib/session/record_channel.ts";
import type { ChannelLoss, ChannelOwner } from "../../../lib/session/channel_owner.ts";
import type { StreamQuality, StreamTransport } from "../../../lib/session/transport.ts";
import { flip } from "../../hex.ts";
import { Random } from "../../random.ts";
import { randomRecipe, UDP, unfinished, VERSIONS } from "../packet/offload_packets.ts";

const TIMING = { keepalive: 15_000, timeout: 60_000 };
const BOTH = Capability.Offload | Capability.UdpSegments;

/** One end: keeps what it sends until a test passes it on, and what comes to it. */
class End implements ChannelOwner, StreamTransport {
  readonly counters = new Counters();
  readonly clock = { now: 0 };
  readonly batches = new Batches(new Uint8Array(4 * Batches.SLOT), 0, 2);
  readonly channel: RecordChannel;
  /** Records on their way. */
  sent: Uint8Array[] = [];
  packets: Uint8Array[] = [];
  offloads: number[] = [];
  controls: [type: number, body: Uint8Array][] = [];
  loss: ChannelLoss | undefined;
  room = Infinity;
  /** What the transport tells of itself, one after the other. */
  qualities: StreamQuality[] = [];

  constructor(handshake: Handshake, own: number, other: number, suite = nodeCipher) {
    this.channel = new RecordChannel(this, this, handshake, other, TIMING, {
      suite,
      batches: this.batches,
      counters: this.counters,
      capabilities: own,
      segmenter: new Segmenter(),
      clock: this.clock,
    });
  }

  send(bytes: Uint8Array, offset: number, length: number): boolean {
    this.sent.push(bytes.slice(offset, offset + length));
    return true;
  }

  hasRoom(length: number): boolean {
    return length <= this.room;
  }

  remote = "";
  roundTrip = undefined;
  unitLimit = Infinity;

  quality(): StreamQuality {
    return this.qualities.shift()!;
  }

  mute(): void {}
  abort(): void {}
  close(): void {}

  channelPacket(bytes: Uint8Array, offset: number, length: number, offload: number): void {
    this.packets.push(bytes.slice(offset, offset + length));
    this.offloads.push(offload);
  }

  channelControl(type: number, body: Uint8Array): void {
    this.controls.push([type, body]);
  }

  channelLost(reason: ChannelLoss): void {
    this.loss = reason;
  }

  channelTooLong(): void {}

  /** Sends packets as one turn of a loop would. */
  turn(...packets: Uint8Array[]): void {
    for (const packet of packets) this.channel.sendPacket(packet, 0, packet.length, WHOLE);
    this.batches.flush();
  }

  receive(bytes: Uint8Array): number {
    return this.channel.receive(bytes.slice(), 0, bytes.length);
  }
}

let keys = 0;

function handshakes(): [Handshake, Handshake] {
  const random = new Random(++keys);
  const [up, down, hash] = [random.bytes(32), random.bytes(32), random.bytes(32)];
  return [
    { sendKey: up.slice(), receiveKey: down.slice(), hash },
    { sendKey: down.slice(), receiveKey: up.slice(), hash },
  ];
}

function pair(capabilities: [number, number] = [0, 0]): [End, End] {
  const [ofClient, ofServer] = handshakes();
  const [client, server] = capabilities;
  return [new End(ofClient, client, server), new End(ofServer, server, client)];
}

/** Passes on what one end has sent. */
function deliver(from: End, to: End): void {
  for (const record of from.sent.splice(0)) to.receive(record);
}

function packet(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("a record that is longer than a slow connection's should be takes no more packets", () => {
  const [client, server] = pair();
  client.unitLimit = 100;
  const packets = ["a", "b", "c"].map((letter) => packet(letter.repeat(60)));
  client.turn(...packets);
  assertEquals(client.counters.dropped(DropReason.OutboxFull), 1);
  client.turn(packets[2]!);
  deliver(client, server);
  assertEquals(server.packets, packets);
});

Deno.test("packets of one turn travel in one record, whole and in order", () => {
  const [client, server] = pair();
  const packets = ["a", "bc", "", "def"].map(packet);
  client.turn(...packets);
  assertEquals(client.sent.length, 1);
  deliver(client, server);
  assertEquals(server.packets, packets);
});

Deno.test("records may be cut and joined anywhere on the way", () => {
  const random = new Random(5);
  const [client, server] = pair();
  const packets = Array.from({ length: 200 }, (_, i) => random.bytes(1 + i));
  for (const packet of packets) client.turn(packet);
  const stream = Uint8Array.from(client.sent.flatMap((record) => [...record]));
  let rest = new Uint8Array(0);
  for (let at = 0; at < stream.length;) {
    const size = random.integer(1, 300);
    const bytes = new Uint8Array([...rest, ...stream.subarray(at, at + size)]);
    rest = bytes.slice(server.receive(bytes));
    at += size;
  }
  assertEquals(server.packets, packets);
});

Deno.test("a batch that is full leaves before the turn is over", () => {
  const [client, server] = pair();
  const large = new Random(6).bytes(60_000);
  client.turn(large, large, large, large, large);
  assertEquals(client.sent.length, 3);
  assert(client.sent.every(({ length }) => length <= MAX_BATCH + 20));
  deliver(client, server);
  assertEquals(server.packets.length, 5);
  assertEquals(server.packets[4], large);
});

Deno.test("a record with any bit flipped ends the channel, and nothing of it is delivered", () => {
  const [client] = pair();
  client.turn(packet("a packet"));
  const size = client.sent[0]!.length;
  for (let bit = 0; bit < size * 8; bit++) {
    const [client, server] = pair();
    client.turn(packet("a packet"));
    const flipped = flip(client.sent[0]!, bit);
    // A longer length makes the server wait for what never comes; more bytes then show the fraud.
    server.receive(Uint8Array.from([...flipped, ...new Uint8Array(200_000)]));
    assertEquals(server.packets, [], `bit ${bit}`);
    assertEquals(server.loss, "forged", `bit ${bit}`);
  }
});

Deno.test("a record that is repeated, left out or out of its order ends the channel", () => {
  for (const order of [[0, 0], [1], [1, 0], [0, 2], [0, 1, 0]]) {
    const [client, server] = pair();
    for (const text of ["0", "1", "2"]) client.turn(packet(text));
    for (const i of order) server.receive(client.sent[i]!);
    const whole = order.findIndex((i, at) => i !== at);
    assertEquals(server.packets, order.slice(0, whole).map(String).map(packet));
    assertEquals(server.loss, "forged");
    assertEquals(server.counters.dropped(DropReason.Forged), 1);
  }
});

Deno.test("a record of the other direction, or of another connection, ends the channel", () => {
  for (const [from, to] of [[0, 0], [1, 0]] as const) {
    const ends = [pair(), pair()] as const;
    const [client] = ends[from];
    client.turn(packet("x"));
    const target = from === to ? client : ends[to][1];
    target.receive(client.sent[0]!);
    assertEquals(target.loss, "forged");
  }
});

Deno.test("lengths that no record can have end the channel at once", () => {
  for (const header of [[0, 0, 0, 0], [0, 0, 0, 15], [0, 2, 0, 0x1b], [0, 255, 255, 255]]) {
    const [, server] = pair();
    server.receive(Uint8Array.from(header));
    assertEquals(server.loss, "forged", `${header}`);
  }
});

Deno.test("any beginning of a record is waited for", () => {
  const [client, server] = pair();
  client.turn(packet("a packet"));
  const [record] = client.sent;
  for (let length = 0; length < record!.length; length++) {
    assertEquals(server.receive(record!.subarray(0, length)), 0);
  }
  assertEquals(server.loss, undefined);
  assertEquals(server.receive(record!), record!.length);
});

Deno.test("a short packet finds room where a long one of the same turn does not", () => {
  const [client, server] = pair();
  client.room = 300;
  client.turn(packet("before"), new Uint8Array(1000), packet("ping"));
  deliver(client, server);
  assertEquals(server.packets, [packet("before"), packet("ping")]);
  assertEquals(client.counters.dropped(DropReason.OutboxFull), 1);
});

Deno.test("hasRoom tells whether the longest packet would fit, the batch being filled included", () => {
  const [client] = pair();
  const longest = new Uint8Array(65_535);
  client.room = 80_000;
  assertEquals(client.channel.hasRoom, true);
  client.channel.sendPacket(longest, 0, 20_000, WHOLE);
  assertEquals(client.channel.hasRoom, false);
  client.batches.flush();
  assertEquals(client.channel.hasRoom, true);
  client.turn(longest);
  assertEquals(client.counters.dropped(DropReason.OutboxFull), 0);
});

Deno.test("what finds no room is dropped before it is sealed, and no record is missing", () => {
  const [client, server] = pair();
  client.turn(packet("1"));
  client.room = 0;
  client.turn(packet("2"), packet("3"));
  client.channel.sendControl(ControlType.Close, Uint8Array.of(1));
  client.room = Infinity;
  client.turn(packet("4"));
  deliver(client, server);
  assertEquals(server.packets, [packet("1"), packet("4")]);
  assertEquals(server.controls, [[ControlType.Close, Uint8Array.of(1)]]);
  assertEquals(client.counters.dropped(DropReason.OutboxFull), 2);
});

Deno.test("a packet behind a full record is dropped like others where that finds no room", () => {
  const [client, server] = pair();
  // A record holds two of these.
  const longest = new Uint8Array(MAX_FRAME_BODY);
  for (const each of [longest, longest, packet("3")]) {
    client.channel.sendPacket(each, 0, each.length, WHOLE);
  }
  client.room = 0;
  client.turn();
  deliver(client, server);
  assertEquals(server.packets.map(({ length }) => length), [longest.length, longest.length]);
  assertEquals(client.counters.dropped(DropReason.OutboxFull), 1);
});

Deno.test("new keys come in without a packet lost, doubled or out of order", () => {
  const [client, server] = pair();
  const numbers: number[] = [];
  let count = 0;
  const next = (): Uint8Array => packet(String(count++));
  const exchange = (): void => {
    client.turn(next());
    numbers.push(recordKeyNumber(client.sent[0]!, 0));
    server.turn(packet("down"));
    deliver(client, server);
    deliver(server, client);
  };
  for (let rekeyed = 0; rekeyed < 300; rekeyed++) {
    exchange();
    const [ofClient, ofServer] = handshakes();
    client.turn(next());
    server.channel.rekey(ofServer, false);
    server.turn(packet("still with the old keys"));
    client.channel.rekey(ofClient, true);
    client.turn(next());
    deliver(client, server);
    deliver(server, client);
    exchange();
  }
  assertEquals(server.packets, Array.from({ length: count }, (_, i) => packet(String(i))));
  assertEquals([client.loss, server.loss], [undefined, undefined]);
  assertEquals([numbers[0], numbers[1], numbers[510], numbers[511], numbers[513]], [
    0,
    1,
    255,
    0,
    1,
  ]);
});

Deno.test("keys are renewed after 120 s, and never used beyond 180 s", () => {
  const [client] = pair();
  assertEquals(client.channel.rekeyDue, REKEY_AFTER_TIME);
  for (client.clock.now = 0; client.clock.now < REJECT_AFTER_TIME; client.clock.now += 1000) {
    client.channel.advance(client.clock.now);
    client.receive(new Uint8Array(0));
    if (client.loss !== undefined) break;
  }
  // Nothing was ever heard, which counts first.
  assertEquals([client.loss, client.clock.now], ["silent", TIMING.timeout]);
  const [, server] = pair();
  server.channel.timing = { keepalive: 1e6, timeout: 2e6 };
  server.channel.advance(REJECT_AFTER_TIME - 1);
  assertEquals(server.loss, undefined);
  server.channel.advance(REJECT_AFTER_TIME);
  assertEquals(server.loss, "exhausted");
});

Deno.test("a ping is sent into silence, and answered once however many come together", () => {
  const [client, server] = pair();
  client.clock.now = TIMING.keepalive;
  client.channel.advance(client.clock.now);
  for (let i = 0; i < 20; i++) {
    client.channel.sendControl(ControlType.Ping, Uint8Array.of(i, 0, 0, 0, 0, 0, 0, 0));
  }
  server.receive(Uint8Array.from(client.sent.flatMap((record) => [...record])));
  assertEquals(server.sent.length, 1);
  deliver(server, client);
  assertEquals(client.loss, undefined);
  assert(client.channel.deadline > TIMING.keepalive);
});

Deno.test("super-packets travel whole between ends that can take them, and only there", () => {
  const tcp = new Uint8Array(4040);
  tcp.set([0x45, 0, tcp.length >> 8, tcp.length & 255, 0, 0, 0, 0, 64, 6]);
  tcp[32] = 5 << 4;
  const offload = offloadOf(PacketKind.TcpSegments, 1000);
  for (
    const [capabilities, expected] of [[[BOTH, BOTH], 1], [[BOTH, 0], 4], [[0, BOTH], 4]] as const
  ) {
    const [client, server] = pair([...capabilities]);
    client.channel.sendPacket(tcp, 0, tcp.length, offload);
    client.batches.flush();
    deliver(client, server);
    assertEquals(server.packets.length, expected);
    assertEquals(server.offloads[0], expected === 1 ? offload : WHOLE);
  }
});

/** A UDP packet with an unfinished checksum, never fragmented. */
function datagram(payload: number): Uint8Array {
  const bytes = new Uint8Array(28 + payload);
  bytes.set([0x45, 0, bytes.length >> 8, bytes.length & 255, 0, 0, 0x40, 0, 64, 17]);
  bytes.set([(8 + payload) >> 8, (8 + payload) & 255], 24);
  return bytes;
}

Deno.test("UDP packets of one turn travel joined between ends that can take that, and only there", () => {
  const partial = offloadOf(PacketKind.PartialChecksum, 0);
  for (
    const [other, trains] of [[BOTH, [[328, 100], [278, 100]]], [Capability.Offload, []]] as const
  ) {
    const [client, server] = pair([BOTH, other]);
    const send = (...payloads: number[]): void => {
      for (const payload of payloads) {
        const packet = datagram(payload);
        client.channel.sendPacket(packet, 0, packet.length, partial);
      }
    };
    send(100, 100, 100);
    client.channel.sendControl(ControlType.Ping, new Uint8Array(8));
    send(100, 100, 50, 100);
    client.batches.flush();
    deliver(client, server);
    const joined = server.packets.flatMap((packet, i) => {
      const offload = server.offloads[i]!;
      return offload === partial
        ? []
        : [[packet.length, offload - offloadOf(PacketKind.UdpSegments, 0)]];
    });
    assertEquals(joined, trains.map((train) => [...train]));
    assertEquals(server.packets.length, trains.length === 0 ? 7 : 3);
    const sent = client.counters.read();
    const came = server.counters.read();
    assertEquals(sent.packets.to_peers, came.packets.from_peers);
    assertEquals(sent.bytes.to_peers, came.bytes.from_peers);
  }
});

Deno.test("a UDP super-packet of more datagrams than every kernel takes travels in several", () => {
  const random = new Random(9);
  for (
    const [payload, gsoSize, sizes] of [[6400, 100, [6400]], [6401, 100, [6400, 1]], [
      12_745,
      100,
      [6400, 6345],
    ], [128, 1, [64, 64]]] as const
  ) {
    for (const version of VERSIONS) {
      const whole = unfinished(randomRecipe(random, UDP, payload, version));
      const [client, server] = pair([BOTH, BOTH]);
      const offload = offloadOf(PacketKind.UdpSegments, gsoSize);
      client.channel.sendPacket(whole, 0, whole.length, offload);
      client.batches.flush();
      deliver(client, server);
      const headers = whole.length - payload;
      assertEquals(server.packets.map(({ length }) => length - headers), sizes.slice());
      // What they stand for is the same.
      const parts = server.packets.flatMap((packet, i) => datagrams(packet, server.offloads[i]!));
      assertEquals(parts, datagrams(whole, offload));
      const header = new VirtioNetHeader();
      server.packets.forEach((packet, i) => {
        const bytes = new Uint8Array(VIRTIO_NET_HEADER_LENGTH + packet.length);
        bytes.set(packet, VIRTIO_NET_HEADER_LENGTH);
        const { length } = packet;
        assert(header.write(bytes, VIRTIO_NET_HEADER_LENGTH, length, server.offloads[i]!));
      });
    }
  }
});

Deno.test("a UDP super-packet of more datagrams than any kernel makes is dropped", () => {
  const [client] = pair([BOTH, BOTH]);
  const packet = datagram(129);
  client.channel.sendPacket(packet, 0, packet.length, offloadOf(PacketKind.UdpSegments, 1));
  client.batches.flush();
  assertEquals(client.sent, []);
  assertEquals(client.counters.dropped(DropReason.Unsupported), 1);
});

/** The ordinary packets that one stands for. */
function datagrams(packet: Uint8Array, offload: number): Uint8Array[] {
  const all: Uint8Array[] = [];
  const done = new Segmenter().segment(packet, 0, packet.length, offload, (bytes, at, length) => {
    all.push(bytes.slice(at, at + length));
  });
  assert(done);
  return all;
}

Deno.test("a packet of a kind that was not agreed on is dropped, and the others are not", () => {
  // A client that believes the server can take what it cannot.
  const [ofClient, ofServer] = handshakes();
  const [client, server] = [new End(ofClient, BOTH, BOTH), new End(ofServer, 0, BOTH)];
  client.channel.sendPacket(packet("x"), 0, 1, offloadOf(PacketKind.UdpSegments, 1));
  client.channel.sendPacket(packet("y"), 0, 1, WHOLE);
  client.batches.flush();
  deliver(client, server);
  assertEquals(server.packets, [packet("y")]);
  assertEquals(server.counters.dropped(DropReason.Unsupported), 1);
});

Deno.test("a channel that has ended sends, seals and delivers nothing", () => {
  const [client, server] = pair();
  client.turn(packet("late"));
  server.channel.end();
  deliver(client, server);
  server.turn(packet("x"));
  server.channel.sendControl(ControlType.Ping, new Uint8Array(8));
  assertEquals([server.packets, server.sent, server.loss], [[], [], undefined]);
});

Deno.test("the keys of a handshake are zeroed when a channel has them", () => {
  const [handshake] = handshakes();
  new End(handshake, 0, 0);
  assertEquals([handshake.sendKey, handshake.receiveKey], [new Uint8Array(32), new Uint8Array(32)]);
});

Deno.test("what the other end seals wrongly ends the channel: a frame that is cut off", () => {
  const [ofClient, ofServer] = handshakes();
  const server = new End(ofServer, 0, 0);
  const batch = Uint8Array.of(1, 0, 0, 0, 0, 9, 1, 2, 3);
  const record = new Uint8Array(RECORD_HEADER_LENGTH + batch.length + 16);
  record.set([0, 0, 0, batch.length + 16]);
  record.set(batch, RECORD_HEADER_LENGTH);
  const sealer = nodeCipher.sealer(ofClient.sendKey);
  sealer.seal(new Uint8Array(12), record, RECORD_HEADER_LENGTH, RECORD_HEADER_LENGTH, batch.length);
  server.receive(record);
  assertEquals([server.loss, server.packets], ["forged", []]);
});

Deno.test("a channel that has ended takes no new keys, which nobody would destroy", () => {
  let living = 0;
  const counted = <Keys extends { destroy(): void }>(keys: Keys): Keys => {
    living++;
    const destroy = keys.destroy.bind(keys);
    return Object.assign(keys, { destroy: () => (living--, destroy()) });
  };
  const suite = {
    name: "counted",
    sealer: (key: Uint8Array) => counted(nodeCipher.sealer(key)),
    opener: (key: Uint8Array) => counted(nodeCipher.opener(key)),
  };
  const end = new End(handshakes()[0], 0, 0, suite);
  assertEquals(living, 2);
  end.channel.end();
  assertEquals(living, 0);
  for (const confirmed of [true, false]) end.channel.rekey(handshakes()[0], confirmed);
  assertEquals(living, 0);
});
