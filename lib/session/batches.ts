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
  /** Slots that are free, behind those in use. */
  readonly #slots: number[] = [];
  /** Who has the slots in use, in the same order: longest first. */
  readonly #owners: BatchOwner[] = [];

  /**
   * @param bytes memory that is this object's from `offset` on
   * @param slots how many there are, at least 2: a flush may make another owner fill one
   */
  constructor(bytes: Uint8Array, offset: number, slots: number) {
    this.bytes = bytes;
    for (let i = 0; i < slots; i++) this.#slots.push(offset + i * Batches.SLOT);
  }

  /** Takes a slot; returns where in `bytes` it begins. */
  take(owner: BatchOwner): number {
    if (this.#owners.length === this.#slots.length) this.#owners[0]!.flush();
    return this.#slots[this.#owners.push(owner) - 1]!;
  }

  /** Gives a slot back. */
  give(owner: BatchOwner): void {
    const last = this.#owners.length - 1;
    const at = this.#owners.indexOf(owner);
    const slot = this.#slots[at]!;
    // By hand, since splice() makes an array of what it takes out.
    this.#owners.copyWithin(at, at + 1);
    this.#slots.copyWithin(at, at + 1, last + 1);
    this.#owners.pop();
    this.#slots[last] = slot;
  }

  /** Makes everybody send, at the end of a turn. */
  flush(): void {
    while (this.#owners.length > 0) this.#owners[0]!.flush();
  }
}
