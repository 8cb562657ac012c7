import { NativeBuffer } from "../ffi/native_buffer.ts";
import { IPV6_MAX_LENGTH } from "../lib/packet/ipv6.ts";
import { Segmenter } from "../lib/packet/segmentation.ts";
import { MAX_PACKET_LENGTH } from "../lib/protocol/classic.ts";
import { MAX_RECORD } from "../lib/protocol/record.ts";
import { Batches } from "../lib/session/batches.ts";

/**
 * The one buffer that a worker's packets pass through: what the TUN device gives, what a connection
 * gives behind the beginning of a unit that it gave before, batches being filled, and the segment that
 * is being cut from a packet. The first two parts are overwritten by the next read into them, so nobody
 * keeps an offset beyond the call that was given it.
 */
export class PacketBuffer {
  /** Where a packet from the TUN device is read to; a virtio_net_hdr has room in front of it. */
  static readonly TUN = 64;
  static readonly TUN_LENGTH = IPV6_MAX_LENGTH;
  /** Where bytes from a connection are put together. */
  static readonly STREAM = PacketBuffer.TUN + PacketBuffer.TUN_LENGTH;
  /**
   * Most bytes that one read from a connection takes, and with that how long it keeps others waiting:
   * of the smallest packets, each of which costs a system call, these are six thousand.
   */
  static readonly STREAM_LENGTH = 128 * 1024;

  /** Longest unit whose end may be still to come: a packet or a record. */
  static readonly #REST = Math.max(MAX_PACKET_LENGTH, MAX_RECORD);
  /** Where bytes of other buffers are copied to. */
  static readonly #STAGE = PacketBuffer.STREAM + PacketBuffer.#REST + PacketBuffer.STREAM_LENGTH;
  static readonly #BATCHES = PacketBuffer.#STAGE + MAX_PACKET_LENGTH;

  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly batches: Batches;
  readonly segmenter: Segmenter;
  readonly #memory: NativeBuffer;

  /** @param batches how many batches can be filled at a time */
  constructor(batches: number) {
    const end = PacketBuffer.#BATCHES + batches * Batches.SLOT;
    this.#memory = new NativeBuffer(end + Segmenter.LENGTH);
    this.bytes = this.#memory.bytes;
    this.batches = new Batches(this.bytes, PacketBuffer.#BATCHES, batches);
    this.segmenter = new Segmenter(this.bytes, end);
  }

  /**
   * The address of `bytes` from `offset` on, for a call that follows at once. Bytes of another
   * buffer, which only small and rare ones are, are copied here first.
   */
  addressOf(bytes: Uint8Array, offset: number, length: number): number {
    if (bytes === this.bytes) return this.#memory.address + offset;
    this.bytes.set(bytes.subarray(offset, offset + length), PacketBuffer.#STAGE);
    return this.#memory.address + PacketBuffer.#STAGE;
  }
}
