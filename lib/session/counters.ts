/** Why a packet was dropped. Every drop has one of these reasons, and every reason is counted. */
export enum DropReason {
  /** Not a whole IP packet, whatever its first bits say. */
  Malformed,
  /** The source address is not the sender's own. */
  SourceAddress,
  /** The destination is not the receiver's, or one that no packet through a tunnel may have. */
  DestinationAddress,
  /** Multicast or broadcast, which the tunnel does not carry. */
  Multicast,
  /** Nobody has the destination address. */
  NoRoute,
  /** A control packet that means nothing here. */
  StrayControl,
  /** There is no connection to send it over. */
  NotConnected,
  /** The receiver takes packets more slowly than they come. */
  OutboxFull,
  /** The kernel refused it at the TUN device. */
  TunRefused,
  /** From one client to another, which is forbidden. */
  Isolated,
  /**
   * A record that the other end did not seal, or not as the next one, which ends its connection; a
   * datagram that nobody sealed, which ends nothing.
   */
  Forged,
  /** Of a kind that was not agreed on. */
  Unsupported,
  /** A connection that did not show who it is. */
  Refused,
  /** A datagram that came before, or too late to tell. */
  Replayed,
  /** Longer than the path to its receiver takes. */
  TooLong,
  /**
   * An initiation that came when too many did to look at it; during a flood whatever the kernel drops at
   * the UDP socket, too.
   */
  Flood,
  /** A part of a packet whose other part did not come in time. */
  Incomplete,
}

/** The reasons' stable names, as they stand in logs. */
export const DROP_NAMES: Readonly<Record<DropReason, string>> = {
  [DropReason.Malformed]: "malformed",
  [DropReason.SourceAddress]: "source_address",
  [DropReason.DestinationAddress]: "destination_address",
  [DropReason.Multicast]: "multicast",
  [DropReason.NoRoute]: "no_route",
  [DropReason.StrayControl]: "stray_control",
  [DropReason.NotConnected]: "not_connected",
  [DropReason.OutboxFull]: "outbox_full",
  [DropReason.TunRefused]: "tun_refused",
  [DropReason.Isolated]: "isolated",
  [DropReason.Forged]: "forged",
  [DropReason.Unsupported]: "unsupported",
  [DropReason.Refused]: "refused",
  [DropReason.Replayed]: "replayed",
  [DropReason.TooLong]: "too_long",
  [DropReason.Flood]: "flood",
  [DropReason.Incomplete]: "incomplete",
};

/** Ways that packets pass. */
export enum Way {
  FromTun,
  ToTun,
  FromPeers,
  ToPeers,
}

const WAY_NAMES: Readonly<Record<Way, string>> = {
  [Way.FromTun]: "from_tun",
  [Way.ToTun]: "to_tun",
  [Way.FromPeers]: "from_peers",
  [Way.ToPeers]: "to_peers",
};

const WAYS = Object.keys(WAY_NAMES).length;
const REASONS = Object.keys(DROP_NAMES).length;

/** All counters by name, those of drops that never happened left out. */
export interface CounterValues {
  packets: Record<string, number>;
  bytes: Record<string, number>;
  drops: Record<string, number>;
}

/**
 * Packet counters: one thread counts, and where the memory is shared any thread reads. Doubles, exact up
 * to 2^53; a reader may see the counters of one packet half updated, never a torn number.
 */
export class Counters {
  /** Bytes of memory that a set of counters takes. */
  static readonly BYTE_LENGTH = (2 * WAYS + REASONS) * Float64Array.BYTES_PER_ELEMENT;

  readonly #values: Float64Array;
  readonly #whole: Counters | undefined;

  /**
   * @param memory BYTE_LENGTH bytes, shared with whoever is to read or count
   * @param whole counts as well all that is counted here
   */
  constructor(
    memory: ArrayBufferLike = new SharedArrayBuffer(Counters.BYTE_LENGTH),
    whole?: Counters,
  ) {
    this.#values = new Float64Array(memory);
    this.#whole = whole;
  }

  /** Counters of a part of these, such as one connection: these count as well all that is counted there. */
  part(): Counters {
    return new Counters(new ArrayBuffer(Counters.BYTE_LENGTH), this);
  }

  /** Counts one packet of `length` bytes. */
  pass(way: Way, length: number): void {
    this.#values[way]! += 1;
    this.#values[WAYS + way]! += length;
    this.#whole?.pass(way, length);
  }

  /** A packet that was counted became `length` bytes longer. */
  grow(way: Way, length: number): void {
    this.#values[WAYS + way]! += length;
    this.#whole?.grow(way, length);
  }

  /** Counts dropped packets. */
  drop(reason: DropReason, count = 1): void {
    this.#values[2 * WAYS + reason]! += count;
    this.#whole?.drop(reason, count);
  }

  /** Adds what others counted, which the whole has counted already. */
  add(others: Float64Array): void {
    for (let i = 0; i < others.length; i++) this.#values[i]! += others[i]!;
  }

  /** A copy of all values, of which other Counters can be made, in another thread as well. */
  copy(): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#values);
  }

  /** Packets dropped for one reason. */
  dropped(reason: DropReason): number {
    return this.#values[2 * WAYS + reason]!;
  }

  /** A copy of all counters by their names. */
  read(): CounterValues {
    const named = (names: Record<number, string>, from: number): [string, number][] =>
      Object.entries(names).map(([i, name]) => [name, this.#values[from + Number(i)]!]);
    return {
      packets: Object.fromEntries(named(WAY_NAMES, 0)),
      bytes: Object.fromEntries(named(WAY_NAMES, WAYS)),
      drops: Object.fromEntries(named(DROP_NAMES, 2 * WAYS).filter(([_, count]) => count > 0)),
    };
  }
}
