import type { ProbeSocket } from "../../ffi/probe_socket.ts";
import { ControlType } from "../../lib/protocol/control.ts";
import {
  DATA_HEADER_LENGTH,
  DATA_OVERHEAD,
  DatagramType,
  datagramType,
} from "../../lib/protocol/datagram.ts";
import { DataOpener, DataSealer, Opened } from "../../lib/protocol/datagram_cipher.ts";
import { type CipherSuite, TAG_LENGTH } from "../../lib/protocol/cipher.ts";
import {
  FRAME_HEADER_LENGTH,
  FrameType,
  receiveFrames,
  writeFrameHeader,
} from "../../lib/protocol/frame.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import { uintValue } from "../../lib/protocol/items.ts";
import type { Handshake } from "../../lib/protocol/noise.ts";
import {
  RECORD_HEADER_LENGTH,
  RECORD_OVERHEAD,
  recordLength,
  RecordOpener,
  RecordSealer,
} from "../../lib/protocol/record.ts";

/** A control message that came. */
export interface ControlMessage {
  type: number;
  body: Uint8Array;
}

/** Seals what is sent over a connection, and opens what comes. */
interface Line {
  /** A whole record or datagram for a batch. */
  seal(batch: Uint8Array): Uint8Array;
  /** The batches in what came; what does not open is passed over. */
  open(bytes: Uint8Array): Uint8Array[];
}

/** Counters of a key that are taken: this ends long before. */
const MOST_DATAGRAMS = 2 ** 20;

/**
 * The least of a client's connection that asks the server questions: control messages alone, with the
 * keys of the first handshake alone. It is gone within seconds.
 */
export class ProbeSession implements Disposable {
  readonly carrier: Carrier;
  readonly #socket: ProbeSocket;
  readonly #line: Line;
  /** Those that came and were not asked for yet. */
  readonly #inbox: ControlMessage[] = [];

  /** @param serverIndex by which the server knows its end, over UDP; undefined over TCP */
  constructor(
    socket: ProbeSocket,
    suite: CipherSuite,
    handshake: Handshake,
    serverIndex: number | undefined,
  ) {
    this.carrier = serverIndex === undefined ? "tcp" : "udp";
    this.#socket = socket;
    this.#line = serverIndex === undefined
      ? recordLine(suite, handshake)
      : datagramLine(suite, handshake, serverIndex);
  }

  /** Sends a message that may get lost. */
  send(type: ControlType, body: Uint8Array): void {
    const batch = new Uint8Array(FRAME_HEADER_LENGTH + body.length);
    writeFrameHeader(batch, 0, FrameType.Control, type, 0, body.length);
    batch.set(body, FRAME_HEADER_LENGTH);
    this.#socket.send(this.#line.seal(batch));
  }

  /** Waits for the next message of one of these types; undefined when the time is over. */
  async receive(
    types: readonly ControlType[],
    milliseconds: number,
  ): Promise<ControlMessage | undefined> {
    for (const end = performance.now() + milliseconds;;) {
      for (let message = this.#inbox.shift(); message; message = this.#inbox.shift()) {
        if (types.includes(message.type)) return message;
      }
      const bytes = await this.#socket.receive(Math.max(0, end - performance.now()));
      if (typeof bytes === "number" || bytes.length === 0) return undefined;
      for (const batch of this.#line.open(bytes)) this.#readBatch(batch);
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #readBatch(batch: Uint8Array): void {
    const receiveFrame = (
      type: number,
      kind: number,
      number: number,
      bytes: Uint8Array,
      offset: number,
      length: number,
    ): boolean => {
      if (type !== FrameType.Control) return true;
      // What must arrive over UDP has a number, and a byte in front that tells parts apart.
      const skipped = number === 0 ? 0 : 1;
      if (number !== 0) this.send(ControlType.Acknowledge, uintValue(number, 2));
      this.#inbox.push({ type: kind, body: bytes.slice(offset + skipped, offset + length) });
      return true;
    };
    receiveFrames({ receiveFrame }, batch, 0, batch.length);
  }
}

function recordLine(suite: CipherSuite, { sendKey, receiveKey }: Handshake): Line {
  const sealer = new RecordSealer(suite, sendKey, 0);
  const opener = new RecordOpener(suite, receiveKey, 0);
  let waiting = new Uint8Array(0);
  return {
    seal(batch): Uint8Array {
      const bytes = new Uint8Array(batch.length + RECORD_OVERHEAD);
      bytes.set(batch, RECORD_HEADER_LENGTH);
      sealer.seal(bytes, 0, batch.length);
      return bytes;
    },
    open(came): Uint8Array[] {
      const bytes = new Uint8Array([...waiting, ...came]);
      const batches: Uint8Array[] = [];
      let at = 0;
      for (;;) {
        const length = recordLength(bytes, at, bytes.length - at);
        if (length <= 0 || at + length > bytes.length) break;
        if (opener.open(bytes, at, length)) {
          batches.push(bytes.slice(at + RECORD_HEADER_LENGTH, at + length - TAG_LENGTH));
        }
        at += length;
      }
      waiting = bytes.slice(at);
      return batches;
    },
  };
}

function datagramLine(
  suite: CipherSuite,
  { sendKey, receiveKey }: Handshake,
  serverIndex: number,
): Line {
  const sealer = new DataSealer(suite, sendKey, 0, serverIndex);
  const opener = new DataOpener(suite, receiveKey, 0);
  return {
    seal(batch): Uint8Array {
      const bytes = new Uint8Array(batch.length + DATA_OVERHEAD);
      bytes.set(batch, DATA_HEADER_LENGTH);
      sealer.seal(bytes, 0, batch.length);
      return bytes;
    },
    open(bytes): Uint8Array[] {
      if (datagramType(bytes, 0, bytes.length) !== DatagramType.Data) return [];
      const opened = opener.open(bytes, 0, bytes.length, MOST_DATAGRAMS);
      if (opened !== Opened.Late && opened !== Opened.Newest) return [];
      return [bytes.slice(DATA_HEADER_LENGTH, DATA_HEADER_LENGTH + bytes.length - DATA_OVERHEAD)];
    },
  };
}
