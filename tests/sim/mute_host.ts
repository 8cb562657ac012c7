import type { Listener, Network } from "./network.ts";
import type { Wire } from "./wire.ts";

/** A host that takes connections but is no server: it says nothing, or always the same. */
export class MuteHost implements Listener {
  /** Every connection that was made, in order. */
  readonly wires: Wire[] = [];
  readonly #words: Uint8Array | undefined;

  constructor(network: Network, host: string, words?: string) {
    this.#words = words === undefined ? undefined : new TextEncoder().encode(words);
    network.listen(host, this);
  }

  /** Connections that are there. */
  get open(): number {
    return this.wires.filter(({ server }) => !server.isClosed).length;
  }

  /** @see {Listener} */
  accept(wire: Wire): void {
    this.wires.push(wire);
    wire.server.attach({ receive: (_bytes, _offset, length) => length, disconnected: () => {} });
    if (this.#words !== undefined) wire.server.send(this.#words, 0, this.#words.length);
  }
}
