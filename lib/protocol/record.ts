/**
 * Records: batches of frames, sealed. A record is
 *
 *     u8 key number | u24 length | sealed batch | tag
 *
 * where `length` counts what follows it, the tag included, and the first 4 bytes are the associated
 * data. The n-th record of a key, counted from 0, has the nonce n: a record that is left out, doubled
 * or out of its order does not open.
 */
import { type CipherSuite, NONCE_LENGTH, TAG_LENGTH, writeNonce } from "./cipher.ts";
import type { Opener, Sealer } from "./cipher.ts";
import { FRAME_HEADER_LENGTH, MAX_FRAME_BODY } from "./frame.ts";

export const RECORD_HEADER_LENGTH = 4;

/** Bytes that a record has beyond its batch. */
export const RECORD_OVERHEAD = RECORD_HEADER_LENGTH + TAG_LENGTH;

/** Longest batch: two frames of the largest packet. */
export const MAX_BATCH = 2 * (FRAME_HEADER_LENGTH + MAX_FRAME_BODY);

export const MAX_RECORD = MAX_BATCH + RECORD_OVERHEAD;

/** What `recordLength()` returns while the header has not arrived. */
export const INCOMPLETE = 0;

/** What `recordLength()` returns when no record can have this header. */
export const LOST = -1;

/** Length of the whole record at `offset`, of which `available` bytes are there; or one of the above. */
export function recordLength(bytes: Uint8Array, offset: number, available: number): number {
  if (available < RECORD_HEADER_LENGTH) return INCOMPLETE;
  const sealed = (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
  if (sealed < TAG_LENGTH || sealed > MAX_BATCH + TAG_LENGTH) return LOST;
  return RECORD_HEADER_LENGTH + sealed;
}

/** The number of the key that the record at `offset` says it is sealed with. */
export function recordKeyNumber(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!;
}

/** Counts the records of one key and makes their nonces. */
class RecordCounter {
  readonly nonce = new Uint8Array(NONCE_LENGTH);
  readonly #view = new DataView(this.nonce.buffer);
  #next = 0;

  /** How many records there were. */
  get count(): number {
    return this.#next;
  }

  /** Makes `nonce` the next record's. */
  advance(): void {
    writeNonce(this.#view, this.#next++);
  }
}

/** Seals the records of one direction with one key. */
export class RecordSealer {
  readonly #number: number;
  readonly #sealer: Sealer;
  readonly #counter = new RecordCounter();

  /**
   * @param number the key's, 0 to 255; both ends count handshakes alike
   * @param key its bytes are copied
   */
  constructor(suite: CipherSuite, key: Uint8Array, number: number) {
    this.#number = number;
    this.#sealer = suite.sealer(key);
  }

  /** Records sealed with this key. */
  get count(): number {
    return this.#counter.count;
  }

  /**
   * Makes a record of the batch of `length` bytes that stands RECORD_HEADER_LENGTH behind `offset`,
   * in place, with room for the tag behind it. Returns the record's length.
   */
  seal(bytes: Uint8Array, offset: number, length: number): number {
    const sealed = length + TAG_LENGTH;
    bytes[offset] = this.#number;
    bytes[offset + 1] = sealed >> 16;
    bytes[offset + 2] = sealed >> 8;
    bytes[offset + 3] = sealed;
    this.#counter.advance();
    const batch = offset + RECORD_HEADER_LENGTH;
    this.#sealer.seal(this.#counter.nonce, bytes, RECORD_HEADER_LENGTH, batch, length);
    return length + RECORD_OVERHEAD;
  }

  destroy(): void {
    this.#sealer.destroy();
  }
}

/** Opens the records of one direction with one key. */
export class RecordOpener {
  readonly number: number;
  readonly #opener: Opener;
  readonly #counter = new RecordCounter();

  /** @see {RecordSealer} */
  constructor(suite: CipherSuite, key: Uint8Array, number: number) {
    this.number = number;
    this.#opener = suite.opener(key);
  }

  /** Records opened with this key. */
  get count(): number {
    return this.#counter.count;
  }

  /**
   * Opens the whole record of `length` bytes at `offset`, in place: its batch then stands
   * RECORD_HEADER_LENGTH behind `offset`. Returns false if it is not the next record of this key; no
   * other is to be opened after that.
   */
  open(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#counter.advance();
    const batch = offset + RECORD_HEADER_LENGTH;
    const size = length - RECORD_OVERHEAD;
    return this.#opener.open(this.#counter.nonce, bytes, RECORD_HEADER_LENGTH, batch, size);
  }

  destroy(): void {
    this.#opener.destroy();
  }
}
