/**
 * The way out of a session over one connection, given by whoever moves the bytes: a socket, or in
 * tests a wire in memory.
 */
export interface Transport {
  /** The other end's address and port as it is now, as text. */
  readonly remote: string;

  /** Milliseconds there and back, as the system measures; undefined if it does not. */
  readonly roundTrip: number | undefined;

  /**
   * Sends one unit of `length` bytes, as a unit where the connection knows of units. The bytes are
   * taken or copied before the call returns. Returns false if there is no room: then nothing of the
   * unit is sent. That the connection is broken is never told from within this call, but soon after.
   */
  send(bytes: Uint8Array, offset: number, length: number): boolean;

  /**
   * Whether there is room for a unit of `length` bytes that could be dropped instead. Even where there
   * is none, `send()` takes a little more, for what must not be dropped.
   */
  hasRoom(length: number): boolean;

  /** Takes nothing any more; what comes waits in vain. */
  mute(): void;

  /** Ends the connection at once and throws away what waits, in either direction (TCP: a reset). */
  abort(): void;

  /** Ends the connection. Nothing is received from it afterwards, not even that it closed. */
  close(): void;
}

/** What a stream's connection knows of how it fares; counts are from its beginning on. */
export interface StreamQuality {
  /** Segments with data that were sent, and those among them that repeat an earlier one, modulo 2^32. */
  readonly segments: number;
  readonly repeats: number;
  /** Bytes that the other end's machine has acknowledged. */
  readonly acknowledged: number;
  /** Whether bytes wait to be sent, or for an acknowledgement. */
  readonly isPending: boolean;
}

/** The way out of a session over a stream of bytes, which keeps their order and loses none. */
export interface StreamTransport extends Transport {
  /**
   * Bytes that a unit is to be no longer than if it can be helped: it is of use to the other end only
   * when all of it has come.
   */
  readonly unitLimit: number;
  quality(): StreamQuality;
}

/** The way out of a session over datagrams. Each that is sent may be lost, doubled or late. */
export interface DatagramTransport extends Transport {
  /**
   * Sends datagrams that stand one behind the other in `length` bytes, all of `size` bytes but the
   * last, which may be shorter. What finds no room is lost.
   */
  sendRun(bytes: Uint8Array, offset: number, length: number, size: number): void;

  /** From now on sends to where the datagram came from that is being received. */
  follow(): void;

  /** Longest datagram that fits, as far as this machine knows the path; never above DATAGRAM_MOST. */
  readonly longest: number;
}

export function isDatagramTransport(
  transport: StreamTransport | DatagramTransport,
): transport is DatagramTransport {
  return "sendRun" in transport;
}
