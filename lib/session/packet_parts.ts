import { copyBytes } from "../packet/copy_bytes.ts";
import { IPV6_LEAST_MTU } from "../packet/ipv6.ts";
import { VIRTIO_NET_HEADER_LENGTH } from "../packet/virtio_net_header.ts";
import { MAX_PARTS } from "./limits.ts";

/** What `PacketParts.add()` returns when a packet is not whole yet. */
export const WAITING = 0;
/** What it returns for a part that cannot be one. */
export const NO_PART = -1;

/** Bytes of the longest packet that is sent in two parts. */
export const MAX_PARTED = IPV6_LEAST_MTU;

/** Room for a packet, and in front of it for what a TUN device wants there. */
const SLOT = VIRTIO_NET_HEADER_LENGTH + MAX_PARTED;

/** A part that waits for the other one; `length` is 0 if there is none. */
interface Waiting {
  /** Of the datagram that the first part came in, or will: what key sealed it, and its number with that. */
  key: unknown;
  counter: number;
  isLast: boolean;
  kind: number;
  length: number;
}

/**
 * Packets that come in two parts, in datagrams that follow one another, in whatever order they come. A
 * part is given up when MAX_PARTS more have come that had to wait as well.
 */
export class PacketParts {
  /** The memory that whole packets are in, with room in front of them for a TUN device's header. */
  readonly bytes = new Uint8Array(MAX_PARTS * SLOT);
  /** Where in it the packet begins that became whole last. */
  offset = 0;
  readonly #givenUp: () => void;
  readonly #slots: Waiting[] = Array.from(
    { length: MAX_PARTS },
    () => ({ key: undefined, counter: 0, isLast: false, kind: 0, length: 0 }),
  );
  /** The slot that was filled longest ago. */
  #oldest = 0;

  /** @param givenUp is told of each part whose other part did not come */
  constructor(givenUp: () => void) {
    this.#givenUp = givenUp;
  }

  /**
   * Takes a part. Returns the length of the packet if that is whole now, WAITING or NO_PART.
   *
   * @param key stands for the key that sealed the datagram, and for no other
   * @param counter of the datagram
   */
  add(
    key: unknown,
    counter: number,
    isLast: boolean,
    kind: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number {
    if (length === 0 || length >= MAX_PARTED) return NO_PART;
    const first = isLast ? counter - 1 : counter;
    for (let i = 0; i < MAX_PARTS; i++) {
      const slot = this.#slots[i]!;
      const isOther = slot.length > 0 && slot.isLast !== isLast && slot.counter === first &&
        slot.key === key && slot.kind === kind;
      if (isOther) return this.#join(i, bytes, offset, length);
    }
    this.#keep(key, first, isLast, kind, bytes, offset, length);
    return WAITING;
  }

  #join(i: number, bytes: Uint8Array, offset: number, length: number): number {
    const slot = this.#slots[i]!;
    const whole = slot.length + length;
    const start = startOf(i);
    this.offset = slot.isLast ? start + MAX_PARTED - whole : start;
    const at = slot.isLast ? this.offset : start + slot.length;
    slot.key = undefined;
    slot.length = 0;
    if (whole > MAX_PARTED) return NO_PART;
    copyBytes(this.bytes, at, bytes, offset, length);
    return whole;
  }

  #keep(
    key: unknown,
    counter: number,
    isLast: boolean,
    kind: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const i = this.#oldest;
    this.#oldest = (i + 1) % MAX_PARTS;
    const slot = this.#slots[i]!;
    if (slot.length > 0) this.#givenUp();
    slot.key = key;
    slot.counter = counter;
    slot.isLast = isLast;
    slot.kind = kind;
    slot.length = length;
    // A last part is put where any first part finds room in front of it.
    const at = startOf(i) + (isLast ? MAX_PARTED - length : 0);
    copyBytes(this.bytes, at, bytes, offset, length);
  }
}

/** Where a packet that fills its slot begins. */
function startOf(i: number): number {
  return i * SLOT + VIRTIO_NET_HEADER_LENGTH;
}
