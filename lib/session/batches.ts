import { MAX_RECORD } from "../protocol/record.ts";

/** Fills a batch, and sends it when asked to. */
export interface BatchOwner {
  /** Sends the batch that is being filled, and gives its memory back. */
  flush(): void;
}

/** Every slot begins at a multiple of this, as the ciphers' vector loads like it. */
const ALIGNMENT = 64;

/**
 * Memory for the batches that a worker's channels are filling just now: each takes a slot with its
 * first frame in a turn and gives it back when it sends. Few are filled at once; when all slots are
 * taken, whoever has held one for longest has to send.
 */
export class Batches {
  /** Bytes of a slot: room for one record. */
  static readonly SLOT: number = Math.ceil(MAX_RECORD / ALIGNMENT) * ALIGNMENT;

  readonly bytes: Uint8Array;
  readonly #free: number[] = [];
  readonly #owners = new Set<BatchOwner>();

  /**
   * @param bytes memory that is this object's from `offset` on
   * @param slots how many there are, at least 2: a flush may make another owner fill one
   */
  constructor(bytes: Uint8Array, offset: number, slots: number) {
    this.bytes = bytes;
    for (let i = slots - 1; i >= 0; i--) this.#free.push(offset + i * Batches.SLOT);
  }

  /** Takes a slot; returns where in `bytes` it begins. */
  take(owner: BatchOwner): number {
    if (this.#free.length === 0) this.#owners.values().next().value!.flush();
    this.#owners.add(owner);
    return this.#free.pop()!;
  }

  /** Gives a slot back. */
  give(owner: BatchOwner, slot: number): void {
    this.#owners.delete(owner);
    this.#free.push(slot);
  }

  /** Makes everybody send, at the end of a turn. */
  flush(): void {
    for (const owner of this.#owners) owner.flush();
  }
}
