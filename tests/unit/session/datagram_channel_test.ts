import { assert, assertEquals } from "@std/assert";
import { gsoSizeOf, offloadOf, PacketKind, WHOLE } from "../../../lib/packet/offload.ts";
import { ControlType } from "../../../lib/protocol/control.ts";
import { DATA_OVERHEAD } from "../../../lib/protocol/datagram.ts";
import { Opened } from "../../../lib/protocol/datagram_cipher.ts";
import { DropReason } from "../../../lib/session/counters.ts";
import { PACKET_OVERHEAD } from "../../../lib/session/datagram_channel.ts";
import { DATAGRAM_LEAST, DATAGRAM_MOST, KEEP_PREVIOUS_KEYS } from "../../../lib/session/limits.ts";
import { Random } from "../../random.ts";
import {
  headersLength,
  isSound,
  TCP,
  UDP,
  unfinished,
  VERSIONS,
} from "../packet/offload_packets.ts";
import { BOTH, handshakes, pair, recipe, sendSuper } from "./datagram_end.ts";

for (const version of VERSIONS) {
  Deno.test(`an IPv${version} stream's super-packet leaves by few calls and arrives whole`, () => {
    const made = recipe(TCP, 60_000, version);
    const packet = unfinished(made);
    const most = (longest: number): number => longest - PACKET_OVERHEAD - headersLength(made);
    for (
      const [longest, gsoSize] of [
        [DATAGRAM_MOST, most(DATAGRAM_MOST)],
        [DATAGRAM_LEAST, most(DATAGRAM_LEAST)],
        [1400, 900],
      ] as const
    ) {
      const [client, server] = pair(BOTH, BOTH);
      client.channel.longest = longest;
      sendSuper(client, packet, PacketKind.TcpSegments, gsoSize);
      assert(client.runs.length <= 2, `${client.runs.length} calls`);
      for (const run of client.runs) {
        assert(run.length <= 64);
        assert(run.slice(0, -1).every(({ length }) => length === run[0]!.length));
        assert(run[0]!.length <= longest);
      }
      server.receive(client.fetch());
      assertEquals(server.packets, [packet]);
      assertEquals(server.offloads, [offloadOf(PacketKind.TcpSegments, gsoSize)]);
    }
  });

  Deno.test(`IPv${version} segments too long for the path are cut shorter, and are the same stream`, () => {
    const [client, server] = pair(BOTH, BOTH);
    client.channel.longest = DATAGRAM_LEAST;
    const made = recipe(TCP, 60_000, version);
    const packet = unfinished(made);
    sendSuper(client, packet, PacketKind.TcpSegments, 1448);
    const datagrams = client.fetch();
    assert(datagrams.every(({ length }) => length <= DATAGRAM_LEAST));
    server.receive(datagrams);
    assertEquals(server.packets, [packet]);
    const most = DATAGRAM_LEAST - PACKET_OVERHEAD - headersLength(made);
    assertEquals(gsoSizeOf(server.offloads[0]!), most);
  });
}

Deno.test("an end that takes no offload gets ordinary segments with right checksums", () => {
  for (const [own, other] of [[BOTH, 0], [0, BOTH]]) {
    const [client, server] = pair(own!, other!);
    const packet = unfinished(recipe(TCP, 30_000));
    sendSuper(client, packet, PacketKind.TcpSegments, 1382);
    server.receive(client.fetch());
    assertEquals(server.packets.length, 22);
    assert(server.packets.every(isSound));
    assert(server.offloads.every((offload) => offload === WHOLE));
    const payload = server.packets.flatMap((segment) => [...segment.subarray(52)]);
    assertEquals(Uint8Array.from(payload), packet.subarray(52));
  }
});

Deno.test("datagrams inside keep their bounds: those that do not fit are reported, not cut", () => {
  const [client, server] = pair(BOTH, BOTH);
  client.channel.longest = DATAGRAM_LEAST;
  const packet = unfinished({ ...recipe(UDP, 10_000), tcpOptions: 0 });
  sendSuper(client, packet, PacketKind.UdpSegments, 1400);
  assertEquals([client.runs, client.tooLong], [[], [DATAGRAM_LEAST - PACKET_OVERHEAD]]);
  assertEquals(client.counters.dropped(DropReason.TooLong), 1);
  sendSuper(client, packet, PacketKind.UdpSegments, 500);
  const datagrams = client.fetch();
  assert(datagrams.every(({ length }) => length <= DATAGRAM_LEAST));
  server.receive(datagrams);
  const payload = server.packets.reduce((sum, { length }) => sum + length - 28, 0);
  assertEquals(payload, 10_000);
});

Deno.test("what is lost of a stream leaves the rest in order, and joins nothing over the gap", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new Random(seed);
    const [client, server] = pair(BOTH, BOTH);
    const packet = unfinished(recipe(TCP, 40_000));
    sendSuper(client, packet, PacketKind.TcpSegments, 1382);
    const lost = new Set<number>();
    const datagrams = client.fetch().filter((_, i) => {
      if (random.next() < 0.8) return true;
      lost.add(i);
      return false;
    });
    server.receive(datagrams);
    const expected = packet.slice(52).filter((_, at) => !lost.has(Math.floor(at / 1382)));
    const got = server.packets.flatMap((segment) => [...segment.subarray(52)]);
    assertEquals(Uint8Array.from(got), expected, `seed ${seed}`);
  }
});

Deno.test("small packets of a turn share datagrams", () => {
  const [client, server] = pair(0, 0);
  const packets = Array.from({ length: 500 }, (_, i) => new Random(i).bytes(60 + i % 50));
  for (const packet of packets) client.channel.sendPacket(packet, 0, packet.length, WHOLE);
  client.batches.flush();
  const datagrams = client.fetch();
  assert(datagrams.length < 40 && datagrams.every(({ length }) => length <= DATAGRAM_MOST));
  server.receive(datagrams);
  assertEquals(server.packets, packets);
});

Deno.test("more than a slot holds leaves in several goes, in order", () => {
  const [client, server] = pair(0, 0);
  const packets = Array.from(
    { length: 2000 },
    (_, i) => new Random(i).bytes(100 + (i * 37) % 1300),
  );
  for (const packet of packets) client.channel.sendPacket(packet, 0, packet.length, WHOLE);
  client.batches.flush();
  server.receive(client.fetch());
  assertEquals(server.packets, packets);
});

Deno.test("late data opens with the keys before, for a while", () => {
  const [client, server] = pair(0, 0);
  client.channel.sendControl(ControlType.Ping, new Uint8Array(8));
  server.receive(client.fetch());
  const packet = Uint8Array.of(1, 2, 3);
  const late = [0, 1].map(() => {
    client.channel.sendPacket(packet, 0, 3, WHOLE);
    client.batches.flush();
    return client.fetch();
  });
  const [ofClient, ofServer] = handshakes();
  server.channel.rekey(ofServer, false);
  client.channel.rekey(ofClient, true);
  client.channel.sendControl(ControlType.Ping, new Uint8Array(8));
  assertEquals(server.receive(client.fetch()), [Opened.Newest]);
  assertEquals(server.receive(late[0]!), [Opened.Late]);
  assertEquals(server.packets, [packet]);
  server.clock.now = KEEP_PREVIOUS_KEYS;
  server.channel.advance(KEEP_PREVIOUS_KEYS);
  assertEquals(server.receive(late[1]!), [Opened.Forged]);
  assertEquals(server.loss, undefined);
});

Deno.test("a close goes three times", () => {
  const [client, server] = pair(0, 0);
  client.channel.sendControl(ControlType.Close, Uint8Array.of(1));
  const copies = client.fetch();
  assertEquals(copies.length, 3);
  server.receive(copies);
  assertEquals(server.controls.length, 3);
  assert(copies.every(({ length }) => length === DATA_OVERHEAD + 7));
});
