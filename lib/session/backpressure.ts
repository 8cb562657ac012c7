import { OUTBOX_LEAST, READING_ALONE, READING_PATIENCE } from "./limits.ts";

/** Somebody who packets of the TUN device are for. */
export interface Receiver {
  /** Whether a packet of any length would find room now. */
  readonly hasRoom: boolean;
}

/**
 * Says when a server should not read its TUN device for a moment: when what it reads is for one client
 * alone, whose connection is full and takes more soon. Those who send notice that as they notice any
 * full queue, and nothing is dropped. But no client may keep the others waiting, so packets are dropped
 * where several clients are sent to, or where the one is slow: patience is used up by waiting, and comes
 * back with the bytes that there was room for. So nobody waits long behind many small packets for a
 * client that takes them one by one.
 */
export class Backpressure {
  #receiver: Receiver | undefined;
  /** When the receiver was another one for the last time. */
  #changedAt = -Infinity;
  /** Whether the receiver had room when that was asked last. */
  #hadRoom = true;
  /** Milliseconds that it may still be waited for. */
  #patience = READING_PATIENCE;
  /** When waiting for the receiver ends at the latest, or ended; undefined if it is not full. */
  #waitUntil: number | undefined;
  /** Whether waiting ended before there was room. */
  #gaveUp = false;

  /** When waiting ends at the latest; Infinity if nobody is waited for. */
  get deadline(): number {
    return this.#gaveUp ? Infinity : this.#waitUntil ?? Infinity;
  }

  /** A packet of the TUN device, of `length` bytes, went to this receiver. */
  sent(receiver: Receiver, length: number, now: number): void {
    if (receiver === this.#receiver) {
      const regained = this.#hadRoom ? READING_PATIENCE * length / OUTBOX_LEAST : 0;
      this.#patience = Math.min(this.#patience + regained, READING_PATIENCE);
      return;
    }
    this.#changedAt = this.#receiver === undefined ? -Infinity : now;
    this.#receiver = receiver;
    this.#patience = READING_PATIENCE;
    this.#stopWaiting();
  }

  /** A receiver is gone. */
  forget(receiver: Receiver): void {
    if (receiver !== this.#receiver) return;
    this.#receiver = undefined;
    this.#stopWaiting();
  }

  /** Whether to read on. */
  mayRead(now: number): boolean {
    this.#hadRoom = this.#receiver?.hasRoom ?? true;
    if (this.#hadRoom) {
      if (this.#waitUntil !== undefined) this.#patience = Math.max(this.#waitUntil - now, 0);
      this.#stopWaiting();
      return true;
    }
    if (now < this.#changedAt + READING_ALONE) return true;
    this.#waitUntil ??= now + this.#patience;
    this.#gaveUp ||= now >= this.#waitUntil;
    return this.#gaveUp;
  }

  #stopWaiting(): void {
    this.#waitUntil = undefined;
    this.#gaveUp = false;
  }
}
