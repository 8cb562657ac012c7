import type { Handshake } from "../protocol/noise.ts";
import { REJECT_AFTER_TIME, REKEY_AFTER_RECORDS, REKEY_AFTER_TIME } from "./limits.ts";

const KEY_NUMBERS = 256;

/** Seals units (records, or datagrams of data), in place and with one key. */
export interface UnitSealer {
  /** Units sealed with this key. */
  readonly count: number;
  /** Makes a unit of the batch that stands a header's length behind `offset`; returns its length. */
  seal(bytes: Uint8Array, offset: number, length: number): number;
  destroy(): void;
}

/** Opens units with one key. */
export interface UnitOpener {
  readonly number: number;
  /** Units sealed with this key, as far as is known here. */
  readonly count: number;
  destroy(): void;
}

/** Makes what uses a key, of which it copies the bytes; keys have numbers from 0 to 255. */
export interface UnitCiphers<Opener extends UnitOpener> {
  sealer(key: Uint8Array, number: number): UnitSealer;
  opener(key: Uint8Array, number: number): Opener;
}

/**
 * The keys of one end of a channel: those in use, and from a new handshake on those that will be. They
 * change without a pause: each end goes on opening with the old key until the first unit with the new
 * one comes.
 */
export class ChannelKeys<Opener extends UnitOpener = UnitOpener> {
  #sealer: UnitSealer;
  #opener: Opener;
  /** An end seals with these only when it is known that the other end has them. */
  #nextSealer: UnitSealer | undefined;
  #nextOpener: Opener | undefined;
  #since: number;
  #number = 0;
  readonly #ciphers: UnitCiphers<Opener>;

  /** @param handshake its keys are copied and zeroed */
  constructor(handshake: Handshake, ciphers: UnitCiphers<Opener>, now: number) {
    this.#ciphers = ciphers;
    this.#since = now;
    [this.#sealer, this.#opener] = this.#take(handshake);
  }

  /** Seals what is sent now. */
  get sealer(): UnitSealer {
    return this.#sealer;
  }

  /** Opens what the other end is known to seal. */
  get opener(): Opener {
    return this.#opener;
  }

  /** Opens what it seals when it uses the keys of the last handshake, if it has not yet. */
  get nextOpener(): Opener | undefined {
    return this.#nextOpener;
  }

  /** Whether `useNextSealer()` has something to do. */
  get hasNextSealer(): boolean {
    return this.#nextSealer !== undefined;
  }

  /** Since when the sealer is in use. */
  get since(): number {
    return this.#since;
  }

  /** When the keys are used no more; with subclasses, when `advance()` has something to do as well. */
  get deadline(): number {
    return this.#since + REJECT_AFTER_TIME;
  }

  /** When to make new ones; Infinity while that is under way. */
  renewalDue(now: number): number {
    if (this.#nextOpener !== undefined) return Infinity;
    const worn = Math.max(this.#sealer.count, this.#opener.count) >= REKEY_AFTER_RECORDS;
    return worn ? now : this.#since + REKEY_AFTER_TIME;
  }

  /** Whether the keys are too old by `now`. */
  areSpent(now: number): boolean {
    return now >= this.#since + REJECT_AFTER_TIME;
  }

  /** Brings in the keys of a new handshake, which are copied and zeroed. */
  renew(handshake: Handshake): void {
    this.#nextSealer?.destroy();
    this.#nextOpener?.destroy();
    this.#number = (this.#number + 1) % KEY_NUMBERS;
    [this.#nextSealer, this.#nextOpener] = this.#take(handshake);
  }

  /** The other end has the next keys: what is sent from now on is sealed with them. */
  useNextSealer(now: number): void {
    this.#sealer.destroy();
    this.#sealer = this.#nextSealer!;
    this.#nextSealer = undefined;
    this.#since = now;
  }

  /** The other end has sealed a unit with the next keys. */
  useNextOpener(): void {
    this.retire(this.#opener);
    this.#opener = this.#nextOpener!;
    this.#nextOpener = undefined;
  }

  /** Destroys all keys. */
  destroy(): void {
    for (const keys of [this.#sealer, this.#opener, this.#nextSealer, this.#nextOpener]) {
      keys?.destroy();
    }
  }

  /** Another opener takes this one's place. */
  protected retire(opener: Opener): void {
    opener.destroy();
  }

  #take({ sendKey, receiveKey }: Handshake): [UnitSealer, Opener] {
    const sealer = this.#ciphers.sealer(sendKey, this.#number);
    const opener = this.#ciphers.opener(receiveKey, this.#number);
    sendKey.fill(0);
    receiveKey.fill(0);
    return [sealer, opener];
  }
}
