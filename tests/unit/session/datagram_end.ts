/** Ends of a channel over datagrams, which go where a test takes them. */
import { offloadOf, PacketKind } from "../../../lib/packet/offload.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { Opened } from "../../../lib/protocol/datagram_cipher.ts";
import { Capability } from "../../../lib/protocol/hello.ts";
import { nodeCipher } from "../../../lib/protocol/node_cipher.ts";
import type { Handshake } from "../../../lib/protocol/noise.ts";
import { Batches } from "../../../lib/session/batches.ts";
import { Counters } from "../../../lib/session/counters.ts";
import { DatagramChannel } from "../../../lib/session/datagram_channel.ts";
import { DATAGRAM_MOST } from "../../../lib/session/limits.ts";
import type { ChannelLoss, ChannelOwner } from "../../../lib/session/channel_owner.ts";
import type { DatagramTransport } from "../../../lib/session/transport.ts";
import { Random } from "../../random.ts";
import type { Recipe, Version } from "../packet/offload_packets.ts";

const TIMING = { keepalive: 15_000, timeout: 60_000 };
export const BOTH = Capability.Offload | Capability.UdpSegments;
export const ALL = BOTH | Capability.Parts;
const ACK = 0x10;

/** One end: keeps what it sends until a test passes it on, and what comes to it. */
export class End implements ChannelOwner, DatagramTransport {
  readonly longest = DATAGRAM_MOST;
  readonly remote = "";
  readonly roundTrip = undefined;
  readonly counters = new Counters();
  readonly clock = { now: 0 };
  readonly batches = new Batches(new Uint8Array(4 * Batches.SLOT), 0, 2);
  readonly channel: DatagramChannel;
  /** Each call's datagrams. */
  runs: Uint8Array[][] = [];
  packets: Uint8Array[] = [];
  offloads: number[] = [];
  controls: [type: number, body: Uint8Array][] = [];
  tooLong: number[] = [];
  loss: ChannelLoss | undefined;

  constructor(handshake: Handshake, own: number, other: number) {
    this.channel = new DatagramChannel(this, this, 7, handshake, other, TIMING, {
      suite: nodeCipher,
      batches: this.batches,
      counters: this.counters,
      capabilities: own,
      segmenter: new Segmenter(),
      clock: this.clock,
    });
    this.channel.longest = DATAGRAM_MOST;
  }

  send(bytes: Uint8Array, offset: number, length: number): boolean {
    this.sendRun(bytes, offset, length, length);
    return true;
  }

  sendRun(bytes: Uint8Array, offset: number, length: number, size: number): void {
    const run: Uint8Array[] = [];
    for (let at = 0; at < length; at += size) {
      run.push(bytes.slice(offset + at, offset + Math.min(at + size, length)));
    }
    this.runs.push(run);
  }

  hasRoom(): boolean {
    return true;
  }

  follow(): void {}
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

  channelTooLong(_bytes: Uint8Array, _offset: number, _length: number, most: number): void {
    this.tooLong.push(most);
  }

  /** What was sent since the last time. */
  fetch(): Uint8Array[] {
    return this.runs.splice(0).flat();
  }

  /** Takes datagrams as the kernel gives those that came together: in one buffer. */
  receive(datagrams: readonly Uint8Array[]): Opened[] {
    const bytes = Uint8Array.from(datagrams.flatMap((datagram) => [...datagram]));
    let at = 0;
    const results = datagrams.map(({ length }) => {
      const opened = this.channel.open(bytes, at, length);
      const isGood = opened === Opened.Late || opened === Opened.Newest;
      if (isGood) this.channel.take(bytes, at, length);
      at += length;
      return opened;
    });
    this.channel.settle();
    return results;
  }
}

let keys = 0;

export function handshakes(): [Handshake, Handshake] {
  const random = new Random(++keys);
  const [up, down, hash] = [random.bytes(32), random.bytes(32), random.bytes(32)];
  return [
    { sendKey: up.slice(), receiveKey: down.slice(), hash },
    { sendKey: down.slice(), receiveKey: up.slice(), hash },
  ];
}

export function pair(client: number, server: number): [End, End] {
  const [ofClient, ofServer] = handshakes();
  return [new End(ofClient, client, server), new End(ofServer, server, client)];
}

/** Sends one packet with offload in a turn of its own. */
export function sendSuper(end: End, packet: Uint8Array, kind: PacketKind, gsoSize: number): void {
  end.channel.sendPacket(packet, 0, packet.length, offloadOf(kind, gsoSize));
  end.batches.flush();
}

export function recipe(protocol: number, payload: number, version: Version = 4): Recipe {
  const bytes = new Random(payload).bytes(payload);
  return { version, protocol, ipOptions: 0, tcpOptions: 12, payload: bytes, flags: ACK };
}
