import { assert, assertEquals } from "@std/assert";
import {
  gsoSizeOf,
  kindOf,
  type Offload,
  offloadOf,
  PacketKind,
  WHOLE,
} from "../../../lib/packet/offload.ts";
import {
  UNREADABLE,
  VIRTIO_NET_HEADER_LENGTH,
  VirtioNetHeader,
} from "../../../lib/packet/virtio_net_header.ts";
import { Random } from "../../random.ts";
import {
  headersLength,
  ipHeadersLength,
  isSound,
  randomRecipe,
  TCP,
  UDP,
  unfinished,
  type Version,
} from "./offload_packets.ts";

const NEEDS_CSUM = 1;
const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;
const GSO_UDP_L4 = 5;
const ECN = 0x80;

/** A packet with room for its header, which is all ones before it is written. */
function framed(packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(VIRTIO_NET_HEADER_LENGTH + packet.length).fill(255);
  bytes.set(packet, VIRTIO_NET_HEADER_LENGTH);
  return bytes;
}

interface Header {
  flags: number;
  gsoType: number;
  hdrLen?: number;
  gsoSize?: number;
  csumStart?: number;
  csumOffset?: number;
}

/** A naive reading of struct virtio_net_hdr. */
function parse(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer);
  return {
    flags: bytes[0]!,
    gsoType: bytes[1]!,
    hdrLen: view.getUint16(2, true),
    gsoSize: view.getUint16(4, true),
    csumStart: view.getUint16(6, true),
    csumOffset: view.getUint16(8, true),
  };
}

function read(packet: Uint8Array, header: Header): { offload: Offload; packet: Uint8Array } {
  const bytes = framed(packet);
  const view = new DataView(bytes.buffer);
  bytes[0] = header.flags;
  bytes[1] = header.gsoType;
  view.setUint16(2, header.hdrLen ?? 0, true);
  view.setUint16(4, header.gsoSize ?? 0, true);
  view.setUint16(6, header.csumStart ?? 0, true);
  view.setUint16(8, header.csumOffset ?? 0, true);
  const offload = new VirtioNetHeader().read(bytes, VIRTIO_NET_HEADER_LENGTH, packet.length);
  return { offload, packet: bytes.subarray(VIRTIO_NET_HEADER_LENGTH) };
}

function write(packet: Uint8Array, offload: Offload): Header | undefined {
  const bytes = framed(packet);
  const done = new VirtioNetHeader().write(bytes, VIRTIO_NET_HEADER_LENGTH, packet.length, offload);
  return done ? parse(bytes) : undefined;
}

const KINDS: { version: Version; kind: PacketKind; protocol: number; gsoType: number }[] = [
  { version: 4, kind: PacketKind.TcpSegments, protocol: TCP, gsoType: GSO_TCPV4 },
  { version: 4, kind: PacketKind.TcpSegmentsEcn, protocol: TCP, gsoType: GSO_TCPV4 | ECN },
  { version: 4, kind: PacketKind.UdpSegments, protocol: UDP, gsoType: GSO_UDP_L4 },
  { version: 4, kind: PacketKind.PartialChecksum, protocol: TCP, gsoType: 0 },
  { version: 4, kind: PacketKind.PartialChecksum, protocol: UDP, gsoType: 0 },
  { version: 6, kind: PacketKind.TcpSegments, protocol: TCP, gsoType: GSO_TCPV6 },
  { version: 6, kind: PacketKind.TcpSegmentsEcn, protocol: TCP, gsoType: GSO_TCPV6 | ECN },
  { version: 6, kind: PacketKind.UdpSegments, protocol: UDP, gsoType: GSO_UDP_L4 },
  { version: 6, kind: PacketKind.PartialChecksum, protocol: TCP, gsoType: 0 },
  { version: 6, kind: PacketKind.PartialChecksum, protocol: UDP, gsoType: 0 },
];

Deno.test("write() makes the header that the kernel wants, and read() gets the same out of it", () => {
  const random = new Random(1);
  for (const { version, kind, protocol, gsoType } of KINDS) {
    for (let i = 0; i < 50; i++) {
      const recipe = randomRecipe(random, protocol, random.integer(2000, 50_000), version);
      const packet = unfinished(recipe);
      const gsoSize = kind === PacketKind.PartialChecksum ? 0 : random.integer(1000, 1400);
      const header = write(packet, offloadOf(kind, gsoSize))!;
      assertEquals(header, {
        flags: NEEDS_CSUM,
        gsoType,
        hdrLen: gsoType === 0 ? 0 : headersLength(recipe),
        gsoSize,
        csumStart: ipHeadersLength(recipe),
        csumOffset: protocol === TCP ? 16 : 6,
      });
      // The kernel's hdr_len is not to be trusted, so it does not count.
      const { offload } = read(packet, { ...header, hdrLen: 0xffff });
      assertEquals([kindOf(offload), gsoSizeOf(offload)], [kind, gsoSize]);
    }
  }
});

Deno.test("write() leaves the header of an ordinary packet empty", () => {
  const zeros = { flags: 0, gsoType: 0, hdrLen: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 };
  assertEquals(write(new Uint8Array(20), WHOLE), zeros);
});

Deno.test("write() refuses what the packet is not, so that no such header reaches the kernel", () => {
  const random = new Random(2);
  const tcp = unfinished(randomRecipe(random, TCP, 3000));
  const udp = unfinished(randomRecipe(random, UDP, 3000));
  const fragment = tcp.slice();
  fragment[6] = 0x20;
  const refused: [Uint8Array, Offload][] = [
    [tcp, offloadOf(PacketKind.TcpSegments, 0)],
    [tcp, offloadOf(PacketKind.TcpSegments, 7)],
    [tcp, offloadOf(PacketKind.TcpSegments, 0xffff)],
    [udp, offloadOf(PacketKind.UdpSegments, 0xffff)],
    [tcp, offloadOf(PacketKind.UdpSegments, 1000)],
    [udp, offloadOf(PacketKind.TcpSegments, 1000)],
    [udp, offloadOf(PacketKind.UdpSegments, 3000 / 65 | 0)],
    [tcp, offloadOf(5, 1000)],
    [tcp, offloadOf(255, 1000)],
    [fragment, offloadOf(PacketKind.TcpSegments, 1000)],
    [fragment, offloadOf(PacketKind.PartialChecksum, 0)],
    [unfinished(randomRecipe(random, TCP, 0)), offloadOf(PacketKind.TcpSegments, 1000)],
    [tcp.subarray(0, 30), offloadOf(PacketKind.PartialChecksum, 0)],
  ];
  for (const [packet, offload] of refused) assertEquals(write(packet.slice(), offload), undefined);
});

Deno.test("read() finishes a checksum that is not where TCP and UDP have theirs", () => {
  const random = new Random(3);
  const packet = unfinished(randomRecipe(random, TCP, 100));
  const start = (packet[0]! & 15) * 4;
  // As TCP, but of a protocol that others do not know: SCTP's number.
  packet[9] = 132;
  const header = { flags: NEEDS_CSUM, gsoType: 0, csumStart: start, csumOffset: 16 };
  const result = read(packet, header);
  assertEquals(result.offload, WHOLE);
  result.packet[9] = TCP;
  assert(isSound(result.packet));
});

Deno.test("read() refuses a super-packet of a kind that it does not know, and checksums beyond the end", () => {
  const packet = unfinished(randomRecipe(new Random(4), TCP, 3000));
  const start = (packet[0]! & 15) * 4;
  const known = { flags: NEEDS_CSUM, csumStart: start, csumOffset: 16, gsoSize: 1000 };
  assertEquals(read(packet, { ...known, flags: 0, gsoType: GSO_TCPV4 }).offload, UNREADABLE);
  assertEquals(read(packet, { ...known, gsoType: GSO_TCPV4, csumOffset: 4 }).offload, UNREADABLE);
  assertEquals(read(packet, { ...known, gsoType: 0, csumStart: 0xffff }).offload, UNREADABLE);
});

Deno.test("read() and write() take any bytes without failing", () => {
  const random = new Random(5);
  for (let i = 0; i < 5000; i++) {
    const packet = random.bytes(random.integer(20, 120));
    if (packet.length < 40 || random.next() < 0.5) packet[0] = 0x40 | random.integer(5, 15);
    else packet.set([0x60, ...packet.subarray(1, 6), random.pick([0, 6, 17, 43, 44, 60])]);
    const bytes = random.bytes(VIRTIO_NET_HEADER_LENGTH);
    read(packet, { ...parse(bytes), flags: random.integer(0, 1) });
    write(packet, offloadOf(random.integer(0, 255), random.integer(0, 65_535)));
  }
});
