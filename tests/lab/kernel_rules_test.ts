/** What the kernel does with virtio headers at a TUN device, where our code depends on it. */
import { assert, assertEquals } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { Ipv4Packet } from "../../lib/packet/ipv4.ts";
import { Ipv6Packet } from "../../lib/packet/ipv6.ts";
import { type Offload, offloadOf, PacketKind } from "../../lib/packet/offload.ts";
import { Segmenter } from "../../lib/packet/segmentation.ts";
import {
  UNREADABLE,
  VIRTIO_NET_HEADER_LENGTH as HEADER,
  VirtioNetHeader,
} from "../../lib/packet/virtio_net_header.ts";
import { Random } from "../random.ts";
import {
  isSound,
  pseudoHeader,
  randomRecipe,
  sum,
  TCP,
  transportOf,
  UDP,
  unfinished,
  type Version,
  VERSIONS,
} from "../unit/packet/offload_packets.ts";
import { eventually } from "./inspection.ts";
import { labTest, TUN_PROBE, TunnelLab } from "./tunnel_lab.ts";

/** Where the packets of `unfinished()` go. */
const TARGETS: Readonly<Record<Version, string>> = { 4: "10.0.0.1", 6: "fd00::1" };
const NEEDS_CSUM = 1;

interface SuperPacket {
  packet: Uint8Array;
  offload: Offload;
}

/** One that is as a kernel makes them, with segments that fit into an MTU of 1500. */
function randomSuperPacket(random: Random, protocol: number, version: Version): SuperPacket {
  const kinds = protocol === TCP
    ? [PacketKind.TcpSegments, PacketKind.TcpSegmentsEcn, PacketKind.PartialChecksum]
    : [PacketKind.UdpSegments, PacketKind.PartialChecksum];
  const kind = random.pick(kinds);
  const gsoSize = random.integer(400, 1300);
  const payload = kind === PacketKind.PartialChecksum
    ? random.integer(0, 1300)
    : random.integer(1, 20_000);
  const packet = unfinished(randomRecipe(random, protocol, payload, version));
  return { packet, offload: offloadOf(kind, kind === PacketKind.PartialChecksum ? 0 : gsoSize) };
}

/** The packet with the header that we make for it; undefined if we make none. */
function frame({ packet, offload }: SuperPacket): Uint8Array | undefined {
  const bytes = new Uint8Array(HEADER + packet.length);
  bytes.set(packet, HEADER);
  return new VirtioNetHeader().write(bytes, HEADER, packet.length, offload) ? bytes : undefined;
}

/** Writes frames to a TUN device of a machine; gives the errno of each, or 0. */
async function writeFrames(
  lab: TunnelLab,
  machine: Machine,
  frames: Uint8Array[],
): Promise<number[]> {
  const file = `${lab.lab.folder}/frames`;
  await Deno.writeTextFile(file, frames.map((frame) => frame.toHex()).join("\n"));
  return JSON.parse(await machine.run(...TUN_PROBE, "write", file));
}

function segmentsOf({ packet, offload }: SuperPacket): Uint8Array[] {
  const segments: Uint8Array[] = [];
  const bytes = packet.slice();
  const done = new Segmenter().segment(bytes, 0, bytes.length, offload, (bytes, at, length) => {
    segments.push(bytes.slice(at, at + length));
  });
  assert(done);
  return segments;
}

/** The packet as a router passes it on. */
function forwarded({ packet, offload }: SuperPacket): SuperPacket {
  const copy = packet.slice();
  if (copy[0]! >> 4 === 6) {
    copy[7]! -= 1;
    return { packet: copy, offload };
  }
  const start = (copy[0]! & 15) * 4;
  copy[8]! -= 1;
  copy.fill(0, 10, 12);
  new DataView(copy.buffer).setUint16(10, 0xffff - sum(copy.subarray(0, start)));
  return { packet: copy, offload };
}

/** The IP packets in a file of tcpdump's that has Ethernet frames. */
async function capturedPackets(file: string): Promise<Uint8Array[]> {
  const [fileHeader, recordHeader, ethernetHeader] = [24, 16, 14];
  const bytes = await Deno.readFile(file);
  const packets: Uint8Array[] = [];
  for (let at = fileHeader; at + recordHeader <= bytes.length;) {
    const length = new DataView(bytes.buffer).getUint32(at + 8, true);
    const begin = at + recordHeader;
    at = begin + length;
    if (at <= bytes.length) packets.push(bytes.subarray(begin + ethernetHeader, at));
  }
  return packets;
}

await labTest(
  "the kernel cuts super-packets exactly as segment() does",
  ["ping", "tcpdump", "ethtool"],
  async () => {
    await using lab = await TunnelLab.open();
    const router = lab.server;
    const sink = await lab.lab.machine("sink");
    const cable = await lab.lab.cable(
      router,
      ["10.0.0.0/31", "fd00::/127"],
      sink,
      [`${TARGETS[4]}/31`, `${TARGETS[6]}/127`],
    );
    await router.run("ethtool", "-K", cable.one, "tx", "off");
    for (const setting of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
      await router.run("sh", "-c", `echo 1 > /proc/sys/net/${setting}`);
    }
    for (const target of Object.values(TARGETS)) await router.run("ping", "-c", "1", target);
    const file = `${lab.lab.folder}/capture`;
    const capture = sink.start([
      ...["tcpdump", "-Z", "root", "--immediate-mode", "-U", "-Q", "in", "-i", cable.other],
      // Short slots: a ring of the default ones has room for few packets.
      ...["-s", "2000", "-B", "16384", "-w", file, "src 10.0.0.2 or src fd00::2"],
    ]);
    await capture.waitFor(/listening on/);
    const random = new Random(1);
    const packets = Array.from(
      { length: 120 },
      (_, i) => randomSuperPacket(random, [TCP, UDP][i % 2]!, VERSIONS[i % 4 >> 1]!),
    );
    const written = await writeFrames(lab, router, packets.map((packet) => frame(packet)!));
    assertEquals(written, packets.map(() => 0));
    const expected = packets.flatMap((packet) => segmentsOf(forwarded(packet)));
    const captured = await eventually(
      () => capturedPackets(file),
      ({ length }) => length >= expected.length,
    );
    // In the order of their bytes: what was written from two cores may overtake itself.
    const sorted = (list: Uint8Array[]): string[] => list.map((bytes) => bytes.toHex()).sort();
    const [found, wanted] = [sorted(captured), sorted(expected)];
    assertEquals(found.length, wanted.length);
    wanted.forEach((segment, i) => assertEquals(found[i], segment));
  },
);

await labTest("a super-packet reaches a local socket in one piece", ["python3"], async () => {
  await using lab = await TunnelLab.open();
  for (const target of Object.values(TARGETS)) {
    await lab.server.run("ip", "address", "add", target, "dev", "lo");
  }
  const random = new Random(2);
  for (const version of VERSIONS) {
    for (const protocol of [TCP, UDP]) {
      const recipe = { ...randomRecipe(random, protocol, 30_000, version), ipOptions: 0 };
      const packet = unfinished(recipe);
      const receiver = ["python3", "-c", RAW_RECEIVER, `${version}`, `${protocol}`];
      const receive = lab.server.start(receiver);
      await receive.waitFor(/ready/);
      const kind = protocol === TCP ? PacketKind.TcpSegments : PacketKind.UdpSegments;
      const superPacket = { packet, offload: offloadOf(kind, 1000) };
      assertEquals(await writeFrames(lab, lab.server, [frame(superPacket)!]), [0]);
      // Raw sockets give the header of IPv4, and not that of IPv6.
      const received = version === 4 ? packet : packet.subarray(40);
      await receive.waitFor(new RegExp(`received ${received.length} bytes`));
      assertEquals(receive.stdout.trim(), received.toHex());
    }
  }
});

/** Receives one packet of a protocol as it comes to the sockets. */
const RAW_RECEIVER = `
import socket, sys
family = {"4": socket.AF_INET, "6": socket.AF_INET6}[sys.argv[1]]
receiver = socket.socket(family, socket.SOCK_RAW, int(sys.argv[2]))
print("ready", file=sys.stderr, flush=True)
packet = receiver.recv(65536)
print(packet.hex(), flush=True)
print("received", len(packet), "bytes", file=sys.stderr, flush=True)
`;

await labTest("the kernel takes every header that write() makes, of any packet", [], async () => {
  await using lab = await TunnelLab.open();
  const random = new Random(3);
  const views = { 4: new Ipv4Packet(), 6: new Ipv6Packet() };
  const frames: Uint8Array[] = [];
  for (let i = 0; i < 3000; i++) {
    const version = random.pick(VERSIONS);
    const packet = unfinished(
      randomRecipe(random, random.pick([TCP, UDP]), random.integer(0, 3000), version),
    );
    for (let j = random.integer(0, 3); j > 0; j--) {
      packet[random.integer(0, 60) % packet.length] = random.integer(0, 255);
    }
    const offload = offloadOf(random.integer(0, 5), random.pick([0, 1, 20, 50, 1000, 65_535]));
    const bytes = views[version].set(packet, 0, packet.length)
      ? frame({ packet, offload })
      : undefined;
    if (bytes !== undefined) frames.push(bytes);
  }
  assert(frames.length > 500 && frames.length < 2500, `headers for ${frames.length} of 3000`);
  const answers = await writeFrames(lab, lab.server, frames);
  const refused = frames.filter((_, i) => answers[i] !== 0).map((bytes) => bytes.toHex());
  assertEquals(refused.map((hex) => hex.slice(0, 120)), [], `${new Set(answers)}`);
});

await labTest(
  "what the kernel leaves undone of packets that it sends, segment() makes sound",
  ["python3"],
  async () => {
    await using lab = await TunnelLab.open();
    const { server: machine } = lab;
    const probe = machine.start([...TUN_PROBE, "read"]);
    await probe.waitFor(/ready/);
    await machine.run("python3", "-c", SENDER);
    const framesOf = (): Promise<Uint8Array<ArrayBuffer>[]> =>
      Promise.resolve(
        probe.stdout.split("\n").slice(0, -1).map((line) => Uint8Array.fromHex(line))
          // Without what the kernel sends over IPv6, to groups, of its own accord.
          .filter((bytes) => bytes[HEADER]! >> 4 === 4 || bytes[HEADER + 24] !== 0xff),
      );
    const payload = (frames: Uint8Array[]): number =>
      frames.reduce((total, { length }) => total + length, 0);
    const frames = await eventually(framesOf, (frames) => payload(frames) > 2 * (1 + 999 + 20_500));
    let unfinishedOnes = 0;
    for (const bytes of frames) {
      unfinishedOnes += assertSoundWhenFinished(bytes);
    }
    assert(unfinishedOnes > 0);
  },
);

/** Sends datagrams, a super-packet of them, and the beginning of a connection, over either version of IP. */
const SENDER = `
import socket, struct
for family, to in (socket.AF_INET, "10.0.0.2"), (socket.AF_INET6, "fd00::2"):
    link = socket.socket(family, socket.SOCK_DGRAM)
    link.connect((to, 9))
    link.send(b"1"); link.send(b"9" * 999)
    link.sendmsg([b"2" * 20500], [(socket.IPPROTO_UDP, 103, struct.pack("=H", 1400))])
    link = socket.socket(family); link.setblocking(False); link.connect_ex((to, 9))
`;

/** Returns 1 for a frame whose checksum the kernel left unfinished. */
function assertSoundWhenFinished(bytes: Uint8Array<ArrayBuffer>): number {
  const packet = bytes.slice(HEADER);
  const view = new DataView(bytes.buffer);
  const start = view.getUint16(6, true);
  const needsChecksum = (bytes[0]! & NEEDS_CSUM) !== 0;
  if (needsChecksum) {
    const field = new DataView(packet.buffer).getUint16(start + view.getUint16(8, true));
    assertEquals(field, sum(pseudoHeader(packet, start, transportOf(packet).protocol)));
  }
  const offload = new VirtioNetHeader().read(bytes, HEADER, packet.length);
  assert(offload !== UNREADABLE);
  for (const segment of segmentsOf({ packet, offload })) assert(isSound(segment));
  return needsChecksum ? 1 : 0;
}
