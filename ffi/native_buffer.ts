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

/** Writes a number below 2^53, such as an address, as a u64. */
export function writeUint64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, value / 2 ** 32, true);
}

/** Reads a u64 that is below 2^53. */
export function readUint64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

const encoder = new TextEncoder();

/** UTF-8 text with a terminating NUL, as C takes it. The text must not contain a NUL itself. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${text}\0`);
}

/** Views that are kept. Those of a flow are few: its packets lie at the same places again and again. */
const MOST_VIEWS = 1024;

const views = new Map<number, Uint8Array>();
let viewedBuffer: ArrayBufferLike | undefined;

/**
 * The memory of `bytes` from `offset` on, for `buffer` parameters: to pass a view takes a fraction of the
 * time that an address as a number does, but to make one for each call would take what that saves. They
 * are kept for one buffer, the large one of a packet worker.
 */
export function viewFrom(bytes: Uint8Array, offset: number): Uint8Array {
  if (bytes.buffer !== viewedBuffer) {
    views.clear();
    viewedBuffer = bytes.buffer;
  }
  const at = bytes.byteOffset + offset;
  let view = views.get(at);
  if (view === undefined) {
    if (views.size === MOST_VIEWS) views.clear();
    view = new Uint8Array(bytes.buffer, at);
    views.set(at, view);
  }
  return view;
}

let knownBuffer: ArrayBufferLike | undefined;
let knownAddress = 0;

/**
 * Where `bytes` begin, good for a call that follows at once. The last answer is remembered, since
 * nearly all calls are about the one large buffer of a packet worker.
 */
export function addressOf(bytes: Uint8Array): number {
  if (bytes.buffer !== knownBuffer) {
    const whole = new Uint8Array(bytes.buffer as ArrayBuffer);
    knownAddress = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(whole)));
    knownBuffer = bytes.buffer;
  }
  return knownAddress + bytes.byteOffset;
}
