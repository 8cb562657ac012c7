import { NativeBuffer } from "../ffi/native_buffer.ts";
import { Outbox } from "../lib/session/outbox.ts";
import { OUTBOX_LIMIT, OUTBOX_TOTAL } from "../lib/session/limits.ts";

/** An outbox whose memory C sees as well. */
export interface NativeOutbox {
  readonly queue: Outbox;
  readonly address: number;
}

const SIZE = 2 * OUTBOX_LIMIT;

/**
 * Lends outboxes to the connections that need one just now, which are few, and bounds how much
 * memory all of them take together.
 */
export class OutboxPool {
  readonly #idle: NativeOutbox[] = [];
  #made = 0;

  /** An empty outbox, or undefined if there are too many already. */
  take(): NativeOutbox | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined || (this.#made + 1) * SIZE > OUTBOX_TOTAL) return idle;
    this.#made++;
    const memory = new NativeBuffer(SIZE);
    return { queue: new Outbox(memory.bytes), address: memory.address };
  }

  /** Takes back an outbox; what is left in it is thrown away. */
  give(outbox: NativeOutbox): void {
    outbox.queue.clear();
    this.#idle.push(outbox);
  }
}
