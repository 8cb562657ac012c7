/**
 * The way out of a session over one connection, given by whoever moves the bytes: a socket, or in
 * tests a wire in memory.
 */
export interface Transport {
  /**
   * Sends one unit of `length` bytes, as a unit where the connection knows of units. The bytes are
   * taken or copied before the call returns. What finds no room is dropped whole, and counted. That
   * the connection is broken is never told from within this call, but soon after.
   */
  send(bytes: Uint8Array, offset: number, length: number): void;

  /** Ends the connection. Nothing is received from it afterwards, not even that it closed. */
  close(): void;
}
