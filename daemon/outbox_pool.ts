import { NativeBuffer } from "../ffi/native_buffer.ts";
import { Outbox, PREFIX } from "../lib/session/outbox.ts";
import { OUTBOX_LIMIT, OUTBOX_RESERVE, OUTBOX_TOTAL } from "../lib/session/limits.ts";

/** An outbox whose memory C sees as well. */
export interface NativeOutbox {
  readonly queue: Outbox;
  readonly address: number;
}

const SIZE = 2 * (OUTBOX_LIMIT + OUTBOX_RESERVE);

/**
 * Lends outboxes to the connections that need one just now, which are few, and bounds how much
 * memory all of them take together.
 */
export class OutboxPool {
  readonly #idle: NativeOutbox[] = [];
  #made = 0;

  /** Whether `take()` would give one. */
  get hasOne(): boolean {
    return this.#idle.length > 0 || (this.#made + 1) * SIZE <= OUTBOX_TOTAL;
  }

  /**
   * An empty outbox, or undefined if there are too many already. But half a unit would put everything
   * behind it out of step, so the rest of one that was begun finds room even then.
   *
   * @param begun length of such a rest
   */
  take(begun?: number): NativeOutbox | undefined {
    if (!this.hasOne) return begun === undefined ? undefined : make(2 * (PREFIX + begun));
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    this.#made++;
    return make(SIZE);
  }

  /** Takes back an outbox; what is left in it is thrown away. */
  give(outbox: NativeOutbox): void {
    if (outbox.queue.bytes.length !== SIZE) return;
    outbox.queue.clear();
    this.#idle.push(outbox);
  }
}

function make(size: number): NativeOutbox {
  const memory = new NativeBuffer(size);
  return { queue: new Outbox(memory.bytes), address: memory.address };
}
