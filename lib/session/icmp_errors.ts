import { MAX_ICMP_ERROR, writeFragmentationNeeded } from "../packet/icmp.ts";
import { VIRTIO_NET_HEADER_LENGTH } from "../packet/virtio_net_header.ts";
import { MAX_TOO_LONG_REPORTS } from "./limits.ts";

const WINDOW = 1000;

/** Makes the errors that a server answers packets with, so many in a second at the most. */
export class IcmpErrors {
  /** Where in `bytes` they are made: behind room for what a TUN device wants in front. */
  static readonly OFFSET = VIRTIO_NET_HEADER_LENGTH;
  readonly bytes = new Uint8Array(IcmpErrors.OFFSET + MAX_ICMP_ERROR);
  #count = 0;
  #windowEnds = -Infinity;

  /**
   * Says that an IPv4 packet is longer than `most` bytes. Returns the length of the message at `OFFSET`
   * of `bytes`; 0 if nothing is to be said.
   */
  tooLong(bytes: Uint8Array, offset: number, length: number, most: number, now: number): number {
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW;
      this.#count = 0;
    }
    if (++this.#count > MAX_TOO_LONG_REPORTS) return 0;
    return writeFragmentationNeeded(this.bytes, IcmpErrors.OFFSET, bytes, offset, length, most);
  }
}
