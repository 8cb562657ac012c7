import type { Segmenter } from "../packet/segmentation.ts";
import type { CipherSuite } from "../protocol/cipher.ts";
import type { Batches } from "./batches.ts";
import type { Counters } from "./counters.ts";

/** What all channels of a worker share. */
export interface ChannelContext {
  readonly suite: CipherSuite;
  readonly batches: Batches;
  readonly counters: Counters;
  /** What this end can take, as bits of Capability. */
  readonly capabilities: number;
  /** For those that can take less. */
  readonly segmenter: Segmenter;
  /** Milliseconds of one monotonic clock. */
  readonly clock: { readonly now: number };
}
