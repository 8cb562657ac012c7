/**
 * Bodies of Ping and Pong:
 *
 *     u32 number | 4 bytes of 0
 *
 * A Pong has those of the Ping that it answers, whatever they are, and over UDP behind them a u32: how
 * many datagrams of data its sender has opened.
 */

import { readUint, uintValue } from "./items.ts";

/** Bytes of a Ping. */
const PING_LENGTH = 8;

const NUMBER_LENGTH = 4;
const COUNT_LENGTH = 4;

export interface Pong {
  /** Of the Ping that it answers. */
  number: number;
  /** Datagrams that came, modulo 2^32, if it says so. */
  received: number | undefined;
}

/** @param number up to, not including, 2^32 */
export function writePing(number: number): Uint8Array {
  const body = new Uint8Array(PING_LENGTH);
  body.set(uintValue(number, NUMBER_LENGTH));
  return body;
}

/**
 * The answer to a Ping, which may be anything.
 *
 * @param received datagrams that came, modulo 2^32, over UDP
 */
export function writePong(ping: Uint8Array, received?: number): Uint8Array {
  const asked = ping.subarray(0, PING_LENGTH);
  return received === undefined
    ? asked
    : Uint8Array.of(...asked, ...uintValue(received, COUNT_LENGTH));
}

/** What a Pong says; undefined if it is too short for one. */
export function readPong(body: Uint8Array): Pong | undefined {
  if (body.length < PING_LENGTH) return undefined;
  const number = readUint(body.subarray(0, NUMBER_LENGTH), NUMBER_LENGTH);
  const hasCount = body.length >= PING_LENGTH + COUNT_LENGTH;
  const count = body.subarray(PING_LENGTH, PING_LENGTH + COUNT_LENGTH);
  return { number, received: hasCount ? readUint(count, COUNT_LENGTH) : undefined };
}
