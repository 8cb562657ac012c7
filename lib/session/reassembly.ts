import { offloadOf, PacketKind, PARTIAL } from "../packet/offload.ts";
import { TcpTrain } from "../packet/tcp_train.ts";
import type { ChannelOwner } from "./channel_owner.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { NO_PART, PacketParts, WAITING } from "./packet_parts.ts";

/**
 * Puts packets together of what comes in datagrams: segments of a stream that follow one another make a
 * super-packet, and two parts make a packet. Whatever else comes is handed over as it is, in order.
 */
export class Reassembly {
  readonly #owner: ChannelOwner;
  readonly #counters: Counters;
  /** Segments of a stream that came together. */
  readonly #train = new TcpTrain();
  /** Made when the first part of a packet comes. */
  #parts: PacketParts | undefined;
  /** Of the datagram whose frames are being taken. */
  #key: unknown;
  #counter = 0;

  /** @param owner is handed the packets */
  constructor(owner: ChannelOwner, counters: Counters) {
    this.#owner = owner;
    this.#counters = counters;
  }

  /**
   * What follows comes from another datagram than before.
   *
   * @param key stands for the key that sealed it
   * @param counter its number with that key
   */
  begin(key: unknown, counter: number): void {
    this.#key = key;
    this.#counter = counter;
  }

  /** Takes a packet, in memory that stays good until `flush()`. */
  addPacket(
    bytes: Uint8Array,
    offset: number,
    length: number,
    kind: PacketKind,
    gsoSize: number,
  ): void {
    const train = this.#train;
    if (kind === PacketKind.PartialChecksum && train.join(bytes, offset, length)) return;
    this.flush();
    if (kind === PacketKind.PartialChecksum && train.begin(bytes, offset, length)) return;
    this.#owner.channelPacket(bytes, offset, length, offloadOf(kind, gsoSize));
  }

  /** Takes the first or the last part of a packet. */
  addPart(
    isLast: boolean,
    bytes: Uint8Array,
    offset: number,
    length: number,
    kind: PacketKind,
  ): void {
    const counters = this.#counters;
    const parts = this.#parts ??= new PacketParts(() => counters.drop(DropReason.Incomplete));
    const whole = parts.add(this.#key, this.#counter, isLast, kind, bytes, offset, length);
    if (whole === NO_PART) counters.drop(DropReason.Malformed);
    if (whole === NO_PART || whole === WAITING) return;
    counters.pass(Way.FromPeers, whole);
    this.flush();
    // No train can begin there: nothing has room behind it.
    this.#owner.channelPacket(parts.bytes, parts.offset, whole, offloadOf(kind, 0));
  }

  /** Hands over the segments that others could have joined. */
  flush(): void {
    const { bytes, offset, length, count, gsoSize } = this.#train;
    if (length === 0) return;
    this.#train.clear();
    const offload = count === 1 ? PARTIAL : offloadOf(PacketKind.TcpSegments, gsoSize);
    this.#owner.channelPacket(bytes, offset, length, offload);
  }
}
