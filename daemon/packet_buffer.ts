import { NativeBuffer } from "../ffi/native_buffer.ts";
import { IPV4_MAX_LENGTH } from "../lib/packet/ipv4.ts";
import { MAX_PACKET_LENGTH } from "../lib/protocol/classic.ts";

/**
 * The one buffer that a worker's packets pass through: what the TUN device gives, and what a
 * connection gives behind the beginning of a packet that it gave before. Each part is overwritten by
 * the next read into it, so nobody keeps an offset beyond the call that was given it.
 */
export class PacketBuffer {
  /** Where a packet from the TUN device is read to. */
  static readonly TUN = 0;
  static readonly TUN_LENGTH = IPV4_MAX_LENGTH;
  /** Where bytes from a connection are put together. */
  static readonly STREAM = PacketBuffer.TUN + PacketBuffer.TUN_LENGTH;
  /**
   * Most bytes that one read from a connection takes, and with that how long it keeps others waiting:
   * of the smallest packets, each of which costs a system call, these are three thousand.
   */
  static readonly STREAM_LENGTH = 64 * 1024;

  static readonly #STAGE = PacketBuffer.STREAM + MAX_PACKET_LENGTH + PacketBuffer.STREAM_LENGTH;

  readonly #memory = new NativeBuffer(PacketBuffer.#STAGE + MAX_PACKET_LENGTH);
  readonly bytes: Uint8Array<ArrayBuffer> = this.#memory.bytes;

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
