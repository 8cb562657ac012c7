/**
 * Memory that both JavaScript and C see. It stays where it is for as long as the object is held;
 * `address` must not be used any longer than that.
 */
export class NativeBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same memory, for fields of structures. */
  readonly view: DataView<ArrayBuffer>;
  /** Where the memory begins, for `usize` parameters. */
  readonly address: number;

  /** @param length bytes, all zero at first; at least 1 */
  constructor(length: number) {
    // A buffer of its own: V8 keeps small typed arrays made by length on its heap, where they move.
    this.bytes = new Uint8Array(new ArrayBuffer(length));
    this.view = new DataView(this.bytes.buffer);
    this.address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.bytes)));
  }
}

const encoder = new TextEncoder();

/** UTF-8 text with a terminating NUL, as C takes it. The text must not contain a NUL itself. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${text}\0`);
}
