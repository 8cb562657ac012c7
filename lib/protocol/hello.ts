/**
 * The beginning of a secure connection. The client sends
 *
 *     "SVPN" | u8 version | 3 zeros | u16 length | first message of the handshake
 *
 * and the server answers with `u16 length | second message`; records follow, both ways. The first 8
 * bytes are the handshake's prologue. They cannot be taken for an IP packet (their first four bits
 * are 5), which is what tells secure clients from classic ones on the same port.
 */
import { type Item, readItems, readUint, uintValue, writeItems } from "./items.ts";
import { INITIATION_OVERHEAD, RESPONSE_OVERHEAD } from "./noise.ts";

/** The protocol's version; another one is another protocol. */
export const VERSION = 1;

export const PREAMBLE: Uint8Array = Uint8Array.of(0x53, 0x56, 0x50, 0x4e, VERSION, 0, 0, 0);

/** What a secure connection goes over. */
export type Carrier = "tcp" | "udp";

/** Prologues of first handshakes: one over TCP cannot be passed off as one over UDP. */
export const PROLOGUES: Readonly<Record<Carrier, Uint8Array>> = {
  tcp: PREAMBLE,
  udp: Uint8Array.of(0x53, 0x56, 0x50, 0x4e, VERSION, 1, 0, 0),
};

/** Bits of what one end can take, beyond the least. */
export enum Capability {
  /** Packets with unfinished checksums, and TCP super-packets. */
  Offload = 1,
  /** UDP super-packets. */
  UdpSegments = 2,
  /** Packets in two parts, over UDP. */
  Parts = 4,
}

const LENGTH_LENGTH = 2;

/** Payload bytes of the first message, always as many, so that its length tells nothing. */
const INITIATION_PAYLOAD = 64;
const RESPONSE_PAYLOAD = 32;

/** Longest messages that are read; newer clients may have more to say. */
export const MAX_INITIATION = INITIATION_OVERHEAD + 256;
export const MAX_RESPONSE = RESPONSE_OVERHEAD + 256;

/** What a hello's or a response's bytes amount to so far. */
export const INCOMPLETE = 0;
export const LOST = -1;

/** Bytes of an invite's identifier. */
export const INVITE_ID_LENGTH = 8;

/** Bytes of a session's name. */
export const SESSION_LENGTH = 12;

/** What a client says of itself in the first message. */
export interface Initiation {
  /** Grows with every initiation of a client: milliseconds since 1970, or one more than the last. */
  timestamp: number;
  /** Bits of what this end can do. */
  capabilities: number;
  /** Identifies the invite whose token is the handshake's pre-shared key. */
  invite?: Uint8Array | undefined;
  /** The inner IPv4 address that it would like to have. */
  address?: number | undefined;
  /** Names the session that this connection is a path of; one without is a session of its own. */
  session?: Uint8Array | undefined;
}

/** What a server says of itself in the second message. */
export interface Response {
  capabilities: number;
}

enum ItemType {
  Timestamp = 1,
  Capabilities = 2,
  Invite = 3,
  Address = 4,
  Session = 5,
}

export function writeInitiation(initiation: Initiation): Uint8Array {
  const items: Item[] = [
    { type: ItemType.Timestamp, value: uintValue(initiation.timestamp, 8) },
    { type: ItemType.Capabilities, value: uintValue(initiation.capabilities, 4) },
  ];
  if (initiation.invite) items.push({ type: ItemType.Invite, value: initiation.invite });
  if (initiation.address !== undefined) {
    items.push({ type: ItemType.Address, value: uintValue(initiation.address, 4) });
  }
  if (initiation.session) items.push({ type: ItemType.Session, value: initiation.session });
  return writeItems(items, INITIATION_PAYLOAD);
}

/** @throws {SyntaxError} if it is none */
export function readInitiation(payload: Uint8Array): Initiation {
  const values = valuesByType(payload);
  const invite = values.get(ItemType.Invite);
  if (invite !== undefined && invite.length !== INVITE_ID_LENGTH) {
    throw new SyntaxError(`An invite's identifier has ${invite.length} bytes`);
  }
  const address = values.get(ItemType.Address);
  const session = values.get(ItemType.Session);
  if (session !== undefined && session.length !== SESSION_LENGTH) {
    throw new SyntaxError(`A session's name has ${session.length} bytes`);
  }
  return {
    timestamp: readUint(required(values, ItemType.Timestamp), 8),
    capabilities: readUint(required(values, ItemType.Capabilities), 4),
    invite,
    address: address && readUint(address, 4),
    session,
  };
}

export function writeResponse({ capabilities }: Response): Uint8Array {
  const items = [{ type: ItemType.Capabilities, value: uintValue(capabilities, 4) }];
  return writeItems(items, RESPONSE_PAYLOAD);
}

/** @throws {SyntaxError} if it is none */
export function readResponse(payload: Uint8Array): Response {
  const values = valuesByType(payload);
  return { capabilities: readUint(required(values, ItemType.Capabilities), 4) };
}

/**
 * The prologue of a handshake for new keys: bound to the one before by its hash, so that it is worth
 * nothing in any other connection.
 */
export function rekeyPrologue(hash: Uint8Array): Uint8Array {
  return concat(PREAMBLE, hash);
}

/** The bytes with which a client begins. */
export function frameInitiation(message: Uint8Array): Uint8Array {
  return concat(PREAMBLE, uintValue(message.length, LENGTH_LENGTH), message);
}

/** The bytes with which a server answers. */
export function frameResponse(message: Uint8Array): Uint8Array {
  return concat(uintValue(message.length, LENGTH_LENGTH), message);
}

/**
 * Length of the hello at `offset`, preamble included, of which `available` bytes are there: a count
 * of bytes, INCOMPLETE or LOST.
 */
export function helloLength(bytes: Uint8Array, offset: number, available: number): number {
  const known = Math.min(available, PREAMBLE.length);
  for (let i = 0; i < known; i++) {
    if (bytes[offset + i] !== PREAMBLE[i]) return LOST;
  }
  if (available < PREAMBLE.length + LENGTH_LENGTH) return INCOMPLETE;
  const length = messageLength(
    bytes,
    offset + PREAMBLE.length,
    INITIATION_OVERHEAD,
    MAX_INITIATION,
  );
  return length === LOST || PREAMBLE.length + length > available
    ? Math.min(length, INCOMPLETE)
    : PREAMBLE.length + length;
}

/** The same for a response. */
export function responseLength(bytes: Uint8Array, offset: number, available: number): number {
  if (available < LENGTH_LENGTH) return INCOMPLETE;
  const length = messageLength(bytes, offset, RESPONSE_OVERHEAD, MAX_RESPONSE);
  return length > available ? INCOMPLETE : length;
}

/** The handshake message inside a whole hello. */
export function messageOfHello(hello: Uint8Array): Uint8Array {
  return hello.subarray(PREAMBLE.length + LENGTH_LENGTH);
}

/** The handshake message inside a whole response. */
export function messageOfResponse(response: Uint8Array): Uint8Array {
  return response.subarray(LENGTH_LENGTH);
}

/** Length of a message with its own length in front, or LOST if that is out of bounds. */
function messageLength(bytes: Uint8Array, offset: number, least: number, most: number): number {
  const length = (bytes[offset]! << 8) | bytes[offset + 1]!;
  return length < least || length > most ? LOST : LENGTH_LENGTH + length;
}

function valuesByType(payload: Uint8Array): Map<number, Uint8Array> {
  // Of several items of a type the first counts, and a Map keeps the last.
  return new Map(readItems(payload).reverse().map(({ type, value }) => [type, value]));
}

function required(values: Map<number, Uint8Array>, type: ItemType): Uint8Array {
  const value = values.get(type);
  if (value === undefined) throw new SyntaxError(`The item ${ItemType[type]} is missing`);
  return value;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
