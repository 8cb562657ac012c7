import type { CipherSuite } from "../protocol/cipher.ts";
import { DataOpener, DataSealer } from "../protocol/datagram_cipher.ts";
import type { Handshake } from "../protocol/noise.ts";
import { ChannelKeys } from "./channel_keys.ts";
import { KEEP_PREVIOUS_KEYS } from "./limits.ts";

/** The keys of a channel over datagrams: those before the present ones still open what comes late. */
export class DatagramKeys extends ChannelKeys<DataOpener> {
  #previous: DataOpener | undefined;

  /**
   * @param handshake its keys are copied and zeroed
   * @param index by which the other end knows its end
   */
  constructor(handshake: Handshake, suite: CipherSuite, index: number, now: number) {
    const ciphers = {
      sealer: (key: Uint8Array, number: number): DataSealer =>
        new DataSealer(suite, key, number, index),
      opener: (key: Uint8Array, number: number): DataOpener => new DataOpener(suite, key, number),
    };
    super(handshake, ciphers, now);
  }

  override get deadline(): number {
    const previous = this.#previous ? this.since + KEEP_PREVIOUS_KEYS : Infinity;
    return Math.min(super.deadline, previous);
  }

  /** Destroys those that are too old by `now` for anything to come late. */
  advance(now: number): void {
    if (now >= this.since + KEEP_PREVIOUS_KEYS) this.#forgetPrevious();
  }

  /** What opens units sealed with the key of this number, if anything does. */
  openerOf(number: number): DataOpener | undefined {
    if (number === this.opener.number) return this.opener;
    if (number === this.nextOpener?.number) return this.nextOpener;
    return number === this.#previous?.number ? this.#previous : undefined;
  }

  override destroy(): void {
    super.destroy();
    this.#forgetPrevious();
  }

  protected override retire(opener: DataOpener): void {
    this.#forgetPrevious();
    this.#previous = opener;
  }

  #forgetPrevious(): void {
    this.#previous?.destroy();
    this.#previous = undefined;
  }
}
