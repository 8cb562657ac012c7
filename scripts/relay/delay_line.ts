import type { FdHandler } from "../../daemon/event_loop.ts";
import { Errno, OsError } from "../../ffi/error.ts";
import { errno } from "../../ffi/libc.ts";
import { MessageSlots } from "../../ffi/message_slots.ts";
import { bootTime } from "../../ffi/timer.ts";
import { VIRTIO_NET_HEADER_LENGTH } from "../../lib/packet/virtio_net_header.ts";

/** An Ethernet header and 1500 bytes, with the virtio_net_hdr before them. */
const LONGEST_FRAME = VIRTIO_NET_HEADER_LENGTH + 14 + 1500;
const SLOT_LENGTH = 2048;

/** Frames that are received or sent by one call. */
const BATCH = 64;

/** Frames that may be under way, besides those that a fast line (3 Gbit/s) sends in the delay. */
const QUEUE = 1024;
const FRAMES_PER_MILLISECOND = 250;

/** Frames of one direction: each leaves `delay` milliseconds after it came, in the order of coming. */
export class DelayLine implements FdHandler {
  /** Frames that came when too many were under way. */
  dropped = 0;
  readonly #from: number;
  readonly #to: number;
  readonly #delay: number;
  /** A ring of this many slots, and a batch of slots behind it for what is dropped. */
  readonly #capacity: number;
  readonly #slots: MessageSlots;
  /** When the frame of each slot leaves, in milliseconds since boot. */
  readonly #due: Float64Array;
  #first = 0;
  #count = 0;

  /**
   * @param from the packet socket that frames come by
   * @param to the one that they leave by
   */
  constructor(from: number, to: number, delay: number) {
    this.#from = from;
    this.#to = to;
    this.#delay = delay;
    this.#capacity = QUEUE + Math.ceil(delay * FRAMES_PER_MILLISECOND);
    this.#slots = new MessageSlots(this.#capacity + BATCH, SLOT_LENGTH);
    this.#due = new Float64Array(this.#capacity);
  }

  /** When the next frame leaves; Infinity if none is under way. */
  get deadline(): number {
    return this.#count === 0 ? Infinity : this.#due[this.#first]!;
  }

  /**
   * Takes what has come.
   *
   * @throws {RangeError} if a frame is longer than the wire's: then it stands for several
   */
  ready(): void {
    if (this.#count === this.#capacity) {
      this.dropped += this.#receive(this.#capacity, BATCH);
      return;
    }
    const slot = (this.#first + this.#count) % this.#capacity;
    const room = Math.min(this.#capacity - slot, this.#capacity - this.#count, BATCH);
    const received = this.#receive(slot, room);
    // Read after they came, so that none leaves too early.
    this.#due.fill(bootTime() + this.#delay, slot, slot + received);
    this.#count += received;
  }

  /** Sends what is due. */
  advance(now: number): void {
    while (this.deadline <= now) {
      const due = this.#countDue(now);
      const sent = this.#slots.send(this.#to, this.#first, due);
      // A frame that is not taken got lost, as nftables wills it or since the interface is down. Sent
      // again, it might not be. Of one that is not the first the call does not tell the reason.
      if (sent < 0) expect(["ENOBUFS", "ENETDOWN"], "sendmmsg");
      this.#leave(Math.min(Math.max(sent, 0) + 1, due));
    }
  }

  #receive(slot: number, count: number): number {
    const received = this.#slots.receive(this.#from, slot, count);
    if (received < 0) {
      expect(["EAGAIN", "EINTR", "ENETDOWN"], "recvmmsg");
      return 0;
    }
    for (let i = slot; i < slot + received; i++) {
      if (this.#slots.length(i) > LONGEST_FRAME) {
        throw new RangeError(`A frame of ${this.#slots.length(i)} bytes is several in one`);
      }
    }
    return received;
  }

  /** How many neighbours of the first slot are due, that one included. */
  #countDue(now: number): number {
    const most = Math.min(this.#count, this.#capacity - this.#first, BATCH);
    let count = 1;
    while (count < most && this.#due[this.#first + count]! <= now) count++;
    return count;
  }

  #leave(count: number): void {
    this.#first = (this.#first + count) % this.#capacity;
    this.#count -= count;
  }
}

/** @throws {OsError} if the call that failed just now did so for another reason than these */
function expect(reasons: readonly (keyof typeof Errno)[], call: string): void {
  const number = errno();
  if (!reasons.some((reason) => Errno[reason] === number)) throw new OsError(call, number);
}
