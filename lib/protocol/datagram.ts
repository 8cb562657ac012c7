/**
 * The secure protocol over UDP: what each datagram is. Its first byte is its type:
 *
 *     1 initiation    u8 1 | 3 zeros | u32 client's index | first message | mac1 (16) | cookie (16)
 *     2 response      u8 2 | 3 zeros | u32 client's index | u32 server's index | second message
 *     3 cookie reply  u8 3 | 3 zeros | u32 client's index | cookie (16)
 *     4 data          u8 4 | u8 key number | 2 zeros | u32 receiver's index | u64 counter
 *                     | sealed batch | tag (16)
 *
 * The header of data, 16 bytes, is the associated data, and the counter makes the nonce. No answer to
 * somebody who has not proved his address is longer than what asked for it.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readUint32, writeUint32 } from "../packet/ipv4.ts";
import { TAG_LENGTH } from "./cipher.ts";
import { MAX_INITIATION, MAX_RESPONSE } from "./hello.ts";
import { INITIATION_OVERHEAD, RESPONSE_OVERHEAD } from "./noise.ts";

export enum DatagramType {
  Initiation = 1,
  Response = 2,
  CookieReply = 3,
  Data = 4,
}

export const DATA_HEADER_LENGTH = 16;

/** Bytes that a datagram of data has beyond its batch. */
export const DATA_OVERHEAD = DATA_HEADER_LENGTH + TAG_LENGTH;

export const COOKIE_LENGTH = 16;

/** Where each has its first index. */
export const INDEX = 4;
const SECOND_INDEX = 8;
const INITIATION_HEADER = 8;
const RESPONSE_HEADER = 12;
const MAC_LENGTH = 16;
const COOKIE_REPLY_LENGTH = INITIATION_HEADER + COOKIE_LENGTH;

/** Initiations are as long as that at the least, and responses at the most. */
const INITIATION_LEAST = INITIATION_HEADER + INITIATION_OVERHEAD + MAC_LENGTH + COOKIE_LENGTH;

const MAC_LABEL = new TextEncoder().encode("simplevpn mac1");

/** What `datagramType()` returns for what is none of these. */
export const NO_DATAGRAM = 0;

/** Type of a datagram whose length and zeros fit it, or NO_DATAGRAM. */
export function datagramType(bytes: Uint8Array, offset: number, length: number): number {
  if (length < INITIATION_HEADER || bytes[offset + 2] !== 0 || bytes[offset + 3] !== 0) {
    return NO_DATAGRAM;
  }
  const type = bytes[offset]!;
  if (type !== DatagramType.Data && bytes[offset + 1] !== 0) return NO_DATAGRAM;
  return hasLengthOf(type, length) ? type : NO_DATAGRAM;
}

function hasLengthOf(type: number, length: number): boolean {
  switch (type) {
    case DatagramType.Initiation:
      return length >= INITIATION_LEAST &&
        length <= INITIATION_LEAST - INITIATION_OVERHEAD + MAX_INITIATION;
    case DatagramType.Response:
      return length >= RESPONSE_HEADER + RESPONSE_OVERHEAD &&
        length <= RESPONSE_HEADER + MAX_RESPONSE;
    case DatagramType.CookieReply:
      return length === COOKIE_REPLY_LENGTH;
    case DatagramType.Data:
      return length >= DATA_OVERHEAD;
    default:
      return false;
  }
}

/** Where data has its type, and the last byte of its receiver's index. */
export const TYPE_AT = 0;
export const INDEX_END_AT = INDEX + 3;

/** The first index in a datagram: the sender's of an initiation, else the receiver's. */
export function datagramIndex(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + INDEX);
}

/** The key of mac1: whoever does not know the server's public key can make no server work. */
export function macKey(serverKey: Uint8Array): Uint8Array {
  return createHash("sha256").update(MAC_LABEL).update(serverKey).digest();
}

/** The datagram of a first message, with a cookie of zeros. */
export function writeInitiationDatagram(
  index: number,
  message: Uint8Array,
  key: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(INITIATION_LEAST - INITIATION_OVERHEAD + message.length);
  bytes[0] = DatagramType.Initiation;
  writeUint32(bytes, INDEX, index);
  bytes.set(message, INITIATION_HEADER);
  bytes.set(mac1(bytes, 0, bytes.length, key), bytes.length - COOKIE_LENGTH - MAC_LENGTH);
  return bytes;
}

/** Puts a cookie into an initiation. */
export function putCookie(datagram: Uint8Array, cookie: Uint8Array): void {
  datagram.set(cookie, datagram.length - COOKIE_LENGTH);
}

/** Whether an initiation was made by somebody who knows the server's public key. */
export function hasRightMac(
  bytes: Uint8Array,
  offset: number,
  length: number,
  key: Uint8Array,
): boolean {
  const end = offset + length - COOKIE_LENGTH;
  return timingSafeEqual(
    bytes.subarray(end - MAC_LENGTH, end),
    mac1(bytes, offset, length, key),
  );
}

/** A copy of an initiation's first message. */
export function messageOfInitiation(
  bytes: Uint8Array,
  offset: number,
  length: number,
): Uint8Array {
  return bytes.slice(offset + INITIATION_HEADER, offset + length - COOKIE_LENGTH - MAC_LENGTH);
}

/** Whether an initiation comes with something that may be a cookie. */
export function hasCookie(bytes: Uint8Array, offset: number, length: number): boolean {
  for (let i = offset + length - COOKIE_LENGTH; i < offset + length; i++) {
    if (bytes[i] !== 0) return true;
  }
  return false;
}

/** A copy of an initiation's cookie. */
export function cookieOfInitiation(
  bytes: Uint8Array,
  offset: number,
  length: number,
): Uint8Array {
  return bytes.slice(offset + length - COOKIE_LENGTH, offset + length);
}

/** The datagram of a second message. */
export function writeResponseDatagram(
  clientIndex: number,
  serverIndex: number,
  message: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(RESPONSE_HEADER + message.length);
  bytes[0] = DatagramType.Response;
  writeUint32(bytes, INDEX, clientIndex);
  writeUint32(bytes, SECOND_INDEX, serverIndex);
  bytes.set(message, RESPONSE_HEADER);
  return bytes;
}

/** The server's index in a response. */
export function serverIndexOf(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + SECOND_INDEX);
}

/** A copy of a response's second message. */
export function messageOfResponseDatagram(
  bytes: Uint8Array,
  offset: number,
  length: number,
): Uint8Array {
  return bytes.slice(offset + RESPONSE_HEADER, offset + length);
}

export function writeCookieReply(clientIndex: number, cookie: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(COOKIE_REPLY_LENGTH);
  bytes[0] = DatagramType.CookieReply;
  writeUint32(bytes, INDEX, clientIndex);
  bytes.set(cookie, INITIATION_HEADER);
  return bytes;
}

/** A copy of a cookie reply's cookie. */
export function cookieOfReply(bytes: Uint8Array, offset: number): Uint8Array {
  return bytes.slice(offset + INITIATION_HEADER, offset + COOKIE_REPLY_LENGTH);
}

function mac1(bytes: Uint8Array, offset: number, length: number, key: Uint8Array): Uint8Array {
  const covered = bytes.subarray(offset, offset + length - COOKIE_LENGTH - MAC_LENGTH);
  return createHmac("sha256", key).update(covered).digest().subarray(0, MAC_LENGTH);
}
