import { MAX_ICMP_ERROR, writeFragmentationNeeded } from "../packet/icmp.ts";
import { MAX_ICMPV6_ERROR, writePacketTooBig } from "../packet/icmpv6.ts";
import { ipVersion } from "../packet/ipv4.ts";
import { VIRTIO_NET_HEADER_LENGTH } from "../packet/virtio_net_header.ts";
import { MAX_TOO_LONG_REPORTS } from "./limits.ts";
import { RateLimit } from "./rate_limit.ts";

/** Makes the errors that a server answers packets with, so many in a second at the most. */
export class IcmpErrors {
  /** Where in `bytes` they are made: behind room for what a TUN device wants in front. */
  static readonly OFFSET = VIRTIO_NET_HEADER_LENGTH;
  readonly bytes = new Uint8Array(
    IcmpErrors.OFFSET + Math.max(MAX_ICMP_ERROR, MAX_ICMPV6_ERROR),
  );
  readonly #limit = new RateLimit(MAX_TOO_LONG_REPORTS);

  /**
   * Says that a whole packet is longer than `most` bytes. Returns the length of the message at `OFFSET`
   * of `bytes`; 0 if nothing is to be said.
   */
  tooLong(bytes: Uint8Array, offset: number, length: number, most: number, now: number): number {
    if (!this.#limit.allows(now)) return 0;
    const write = ipVersion(bytes, offset) === 6 ? writePacketTooBig : writeFragmentationNeeded;
    return write(this.bytes, IcmpErrors.OFFSET, bytes, offset, length, most);
  }
}
