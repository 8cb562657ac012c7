import { readUint32, writeUint32 } from "../packet/ipv4.ts";
import { type CipherSuite, NONCE_LENGTH, type Opener, type Sealer, writeNonce } from "./cipher.ts";
import { DATA_HEADER_LENGTH, DATA_OVERHEAD, DatagramType, INDEX } from "./datagram.ts";
import { ReplayWindow } from "./replay_window.ts";

const KEY_NUMBER = 1;
const COUNTER = 8;

/** The number of the key that data says it is sealed with. */
export function dataKeyNumber(bytes: Uint8Array, offset: number): number {
  return bytes[offset + KEY_NUMBER]!;
}

/** The number that data says it has among all that is sealed with its key. */
export function dataCounter(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + COUNTER) * 2 ** 32 + readUint32(bytes, offset + COUNTER + 4);
}

/** Seals the data of one direction with one key. */
export class DataSealer {
  readonly #number: number;
  readonly #index: number;
  readonly #sealer: Sealer;
  readonly #nonce = new Uint8Array(NONCE_LENGTH);
  readonly #nonceView = new DataView(this.#nonce.buffer);
  #next = 0;

  /**
   * @param key its bytes are copied
   * @param number the key's, 0 to 255; both ends count handshakes alike
   * @param index the receiver's
   */
  constructor(suite: CipherSuite, key: Uint8Array, number: number, index: number) {
    this.#number = number;
    this.#index = index;
    this.#sealer = suite.sealer(key);
  }

  /** Datagrams sealed with this key. */
  get count(): number {
    return this.#next;
  }

  /**
   * Makes a datagram of the batch of `length` bytes that stands DATA_HEADER_LENGTH behind `offset`, in
   * place, with room for the tag behind it. Returns the datagram's length.
   */
  seal(bytes: Uint8Array, offset: number, length: number): number {
    const counter = this.#next++;
    bytes[offset] = DatagramType.Data;
    bytes[offset + KEY_NUMBER] = this.#number;
    bytes[offset + 2] = bytes[offset + 3] = 0;
    writeUint32(bytes, offset + INDEX, this.#index);
    writeUint32(bytes, offset + COUNTER, Math.floor(counter / 2 ** 32));
    writeUint32(bytes, offset + COUNTER + 4, counter >>> 0);
    writeNonce(this.#nonceView, counter);
    const batch = offset + DATA_HEADER_LENGTH;
    this.#sealer.seal(this.#nonce, bytes, DATA_HEADER_LENGTH, batch, length);
    return length + DATA_OVERHEAD;
  }

  destroy(): void {
    this.#sealer.destroy();
  }
}

/** What `DataOpener.open()` makes of a datagram. */
export enum Opened {
  /** Not what the other end sealed. */
  Forged,
  /** It came before, or is older than can be told. */
  Replayed,
  /** Authentic, and one that was sent after it came already. */
  Late,
  /** Authentic, and none that was sent after it came yet. */
  Newest,
}

/** Opens the data of one direction with one key. */
export class DataOpener {
  readonly number: number;
  readonly #opener: Opener;
  readonly #window = new ReplayWindow();
  readonly #nonce = new Uint8Array(NONCE_LENGTH);
  readonly #nonceView = new DataView(this.#nonce.buffer);

  /** @see {DataSealer} */
  constructor(suite: CipherSuite, key: Uint8Array, number: number) {
    this.number = number;
    this.#opener = suite.opener(key);
  }

  /** Datagrams that were sealed with this key, as far as is known here. */
  get count(): number {
    return this.#window.greatest + 1;
  }

  /**
   * Opens the datagram of `length` bytes at `offset`, in place: its batch then stands
   * DATA_HEADER_LENGTH behind `offset`.
   *
   * @param limit counters from this on are not taken
   */
  open(bytes: Uint8Array, offset: number, length: number, limit: number): Opened {
    const counter = dataCounter(bytes, offset);
    if (counter >= limit) return Opened.Forged;
    const window = this.#window;
    if (!window.isNew(counter)) return Opened.Replayed;
    writeNonce(this.#nonceView, counter);
    const batch = offset + DATA_HEADER_LENGTH;
    const size = length - DATA_OVERHEAD;
    if (!this.#opener.open(this.#nonce, bytes, DATA_HEADER_LENGTH, batch, size)) {
      return Opened.Forged;
    }
    const isNewest = counter > window.greatest;
    window.add(counter);
    return isNewest ? Opened.Newest : Opened.Late;
  }

  destroy(): void {
    this.#opener.destroy();
  }
}
