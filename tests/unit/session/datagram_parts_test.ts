/** Packets in two parts, through both ends of a channel. */
import { assert, assertEquals } from "@std/assert";
import { offloadOf, PacketKind, WHOLE } from "../../../lib/packet/offload.ts";
import { ControlType } from "../../../lib/protocol/control.ts";
import { DATA_OVERHEAD } from "../../../lib/protocol/datagram.ts";
import { FrameType } from "../../../lib/protocol/frame.ts";
import { Capability } from "../../../lib/protocol/hello.ts";
import { DropReason } from "../../../lib/session/counters.ts";
import { PACKET_OVERHEAD } from "../../../lib/session/datagram_channel.ts";
import { DATAGRAM_LEAST, DATAGRAM_MOST } from "../../../lib/session/limits.ts";
import { MAX_PARTED } from "../../../lib/session/packet_parts.ts";
import { Random } from "../../random.ts";
import {
  headersLength,
  isSound,
  TCP,
  UDP,
  unfinished,
  VERSIONS,
} from "../packet/offload_packets.ts";
import { ALL, BOTH, End, handshakes, pair, recipe, sendSuper } from "./datagram_end.ts";

Deno.test("packets of up to 1280 bytes pass where a datagram holds less, two in few more datagrams", () => {
  for (const capabilities of [ALL, Capability.Parts]) {
    const [client, server] = pair(capabilities, capabilities);
    client.channel.longest = DATAGRAM_LEAST;
    assertEquals(client.channel.longestPacket, MAX_PARTED);
    const random = new Random(1);
    const packets = Array.from({ length: 300 }, () => {
      const length = random.pick([20, 700, 1193, 1194, 1195, 1279, 1280]);
      return random.bytes(length);
    });
    for (const packet of packets) client.channel.sendPacket(packet, 0, packet.length, WHOLE);
    client.batches.flush();
    const datagrams = client.fetch();
    assert(datagrams.every(({ length }) => length <= DATAGRAM_LEAST));
    assert(datagrams.length < 300, `${datagrams.length}`);
    server.receive(datagrams);
    assertEquals(server.packets, packets);
    assertEquals([client, server].map(({ counters }) => counters.read().drops), [{}, {}]);
    assertEquals(server.counters.read().packets.from_peers, 300);
    client.channel.sendPacket(new Uint8Array(1281), 0, 1281, WHOLE);
    assertEquals(client.tooLong, [1280]);
  }
});

Deno.test("where datagrams hold 1280 bytes, or the other end knows no parts, there are none", () => {
  for (
    const [own, other, longest, most] of [
      [ALL, ALL, DATAGRAM_MOST, 1434],
      [ALL, ALL, 1318, 1280],
      [ALL, BOTH, DATAGRAM_LEAST, 1194],
      [BOTH, ALL, DATAGRAM_LEAST, 1194],
    ] as const
  ) {
    const [client] = pair(own, other);
    client.channel.longest = longest;
    assertEquals(client.channel.longestPacket, most);
    client.channel.sendPacket(new Uint8Array(most), 0, most, WHOLE);
    client.batches.flush();
    assertEquals(client.fetch().map(({ length }) => length), [most + PACKET_OVERHEAD]);
    client.channel.sendPacket(new Uint8Array(most + 1), 0, most + 1, WHOLE);
    assertEquals([client.tooLong, client.fetch()], [[most], []]);
  }
});

for (const version of VERSIONS) {
  Deno.test(`IPv${version}: what is left undone of a packet in two parts is told`, () => {
    const [client, server] = pair(ALL, ALL);
    client.channel.longest = DATAGRAM_LEAST;
    const segment = recipe(TCP, 1200, version);
    const packet = unfinished(segment);
    const partial = offloadOf(PacketKind.PartialChecksum, 0);
    client.channel.sendPacket(packet, 0, packet.length, partial);
    client.batches.flush();
    server.receive(client.fetch());
    assertEquals([server.packets, server.offloads], [[packet], [partial]]);
    // An end without offload gets it finished.
    const [other, plain] = pair(ALL, Capability.Parts);
    other.channel.longest = DATAGRAM_LEAST;
    other.channel.sendPacket(packet.slice(), 0, packet.length, partial);
    other.batches.flush();
    plain.receive(other.fetch());
    assertEquals([plain.packets.map(isSound), plain.offloads], [[true], [WHOLE]]);
  });

  Deno.test(`IPv${version}: datagrams inside that are too long for one go in two, a stream's segments alone`, () => {
    const [client, server] = pair(ALL, ALL);
    client.channel.longest = DATAGRAM_LEAST;
    const datagrams = { ...recipe(UDP, 12_000, version), tcpOptions: 0 };
    const size = 1280 - headersLength(datagrams);
    sendSuper(client, unfinished(datagrams), PacketKind.UdpSegments, size);
    assert(client.fetch().length > 0);
    for (const payload of [size + 1, 2 * size, 5 * size]) {
      const made = { ...datagrams, payload: new Random(payload).bytes(payload) };
      sendSuper(client, unfinished(made), PacketKind.UdpSegments, size);
      server.receive(client.fetch());
      const got = server.packets.splice(0).flatMap((it) => [...it.subarray(headersLength(made))]);
      assertEquals(Uint8Array.from(got), made.payload);
    }
    sendSuper(client, unfinished(datagrams), PacketKind.UdpSegments, size + 1);
    assertEquals([client.tooLong, client.fetch()], [[1280], []]);
    sendSuper(client, unfinished(recipe(TCP, 12_000, version)), PacketKind.TcpSegments, 1220);
    const sent = client.fetch();
    assertEquals(sent.length, Math.ceil(12_000 / (1194 - headersLength(recipe(TCP, 0, version)))));
    server.receive(sent);
    assertEquals(
      server.offloads.at(-1),
      offloadOf(PacketKind.TcpSegments, 1194 - headersLength(recipe(TCP, 0, version))),
    );
    assertEquals([client, server].map(({ counters }) => counters.read().drops), [
      { too_long: 1 },
      {},
    ]);
  });
}

Deno.test("parts come together over new keys' beginning, and never with others' of the same number", () => {
  const [client, server] = pair(ALL, ALL);
  client.channel.longest = DATAGRAM_LEAST;
  client.channel.sendControl(ControlType.Ping, new Uint8Array(8));
  server.receive(client.fetch());
  const send = (fill: number): Uint8Array[] => {
    const packet = new Uint8Array(1280).fill(fill);
    client.channel.sendPacket(packet, 0, packet.length, WHOLE);
    client.batches.flush();
    return client.fetch();
  };
  const old = send(1);
  const [ofClient, ofServer] = handshakes();
  server.channel.rekey(ofServer, false);
  client.channel.rekey(ofClient, true);
  client.channel.sendControl(ControlType.Ping, new Uint8Array(8));
  server.receive(client.fetch());
  const young = send(2);
  server.receive([old[0]!, young[1]!, old[1]!, young[0]!]);
  assertEquals(server.packets, [1, 2].map((fill) => new Uint8Array(1280).fill(fill)));
});

Deno.test("parts that were not agreed on, or of super-packets, are dropped and counted", () => {
  const packet = new Uint8Array(1280);
  const [ofClient, ofServer] = handshakes();
  const knows = new End(ofClient, ALL, ALL);
  const ignores = new End(ofServer, BOTH, ALL);
  knows.channel.longest = DATAGRAM_LEAST;
  knows.channel.sendPacket(packet, 0, packet.length, WHOLE);
  knows.batches.flush();
  ignores.receive(knows.fetch());
  assertEquals([ignores.packets, ignores.loss], [[], undefined]);
  assertEquals(ignores.counters.dropped(DropReason.Unsupported), 2);
  const [, other] = pair(ALL, ALL);
  for (const kind of [PacketKind.TcpSegments, PacketKind.UdpSegments, 99]) {
    for (const type of [FrameType.FirstPart, FrameType.LastPart]) {
      other.channel.receiveFrame(type, kind, 1000, packet, 0, 600);
    }
  }
  assertEquals([other.packets, other.counters.dropped(DropReason.Unsupported)], [[], 6]);
});

Deno.test("whatever an authentic end calls parts, nothing fails, and nothing longer is made", () => {
  const random = new Random(9);
  const [, server] = pair(ALL, ALL);
  const bytes = random.bytes(3000);
  const header = new Uint8Array(16);
  for (let i = 0; i < 5000; i++) {
    header[15] = random.integer(0, 4);
    server.channel.take(header, 0, DATA_OVERHEAD);
    const type = random.pick([FrameType.FirstPart, FrameType.LastPart]);
    const kind = random.pick([0, 0, 1, 2, 3, 4, 255]);
    const length = random.pick([0, 1, 640, 1194, 1279, 1280, 3000]);
    assert(server.channel.receiveFrame(type, kind, random.integer(0, 65_535), bytes, 0, length));
  }
  assert(server.packets.length > 100 && server.packets.every(({ length }) => length <= MAX_PARTED));
});
