import { readUint32, writeUint32 } from "../packet/ipv4.ts";

/** Bytes that a unit takes in an outbox besides its own. */
export const PREFIX = 4;

/**
 * Units of bytes that wait until a connection takes them, in order, in one buffer. A unit may leave
 * in several pieces; the next begins only when it has left whole.
 */
export class Outbox {
  readonly bytes: Uint8Array;
  #head = 0;
  #tail = 0;
  /** Bytes of the first unit that have left. */
  #sent = 0;

  /**
   * @param bytes owned by the outbox from now on. Half of it may be filled, by the units and PREFIX
   *   bytes for each; the other half keeps moving them to the front rare
   */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#head === this.#tail;
  }

  /** Where in `bytes` that which is to leave next begins. */
  get offset(): number {
    return this.#head + PREFIX + this.#sent;
  }

  /** How many bytes of the first unit have not left; 0 when empty. */
  get length(): number {
    return this.isEmpty ? 0 : readUint32(this.bytes, this.#head) - this.#sent;
  }

  /** Bytes that wait, with what is kept for each unit. */
  get size(): number {
    return this.#tail - this.#head;
  }

  /** Copies a unit to the end. Returns false, and takes nothing, if there is no room. */
  push(source: Uint8Array, offset: number, length: number): boolean {
    if (this.#tail - this.#head + PREFIX + length > this.bytes.length / 2) return false;
    if (this.#tail + PREFIX + length > this.bytes.length) this.#compact();
    writeUint32(this.bytes, this.#tail, length);
    this.bytes.set(source.subarray(offset, offset + length), this.#tail + PREFIX);
    this.#tail += PREFIX + length;
    return true;
  }

  /** Says that `count` of the `length` bytes at `offset` have left. */
  shift(count: number): void {
    this.#sent += count;
    if (this.#sent < readUint32(this.bytes, this.#head)) return;
    this.#head += PREFIX + this.#sent;
    this.#sent = 0;
    if (this.isEmpty) this.clear();
  }

  /** Throws everything away. */
  clear(): void {
    this.#head = this.#tail = this.#sent = 0;
  }

  #compact(): void {
    this.bytes.copyWithin(0, this.#head, this.#tail);
    this.#tail -= this.#head;
    this.#head = 0;
  }
}
