/** Control messages: the bodies of control frames. Types that are not known are passed over. */
import { Prefix } from "../address/prefix.ts";
import { type Item, readItems, readUint, uintValue, writeItems } from "./items.ts";

export enum ControlType {
  /** Server to client: everything that the client is to use from now on. A list of items. */
  Configuration = 1,
  /** Either way: 8 bytes that the other end sends back in a Pong. */
  Ping = 2,
  Pong = 3,
  /** Client to server: first message of a handshake for new keys. */
  RekeyInitiation = 4,
  /** Server to client: second message of that handshake. */
  RekeyResponse = 5,
  /** Either way: the connection ends now; one byte says why. */
  Close = 6,
  /** Over UDP, either way: the control message with this number came. */
  Acknowledge = 7,
  /** Over UDP, client to server: the longest datagram from now on, then zeros to fill one of a length. */
  Probe = 8,
  /** Over UDP, server to client: as long as the Probe that it answers. */
  ProbeReply = 9,
}

/** Bytes of a Ping and of a Pong. */
export const PING_LENGTH = 8;

/** Why a connection is ended. */
export enum CloseReason {
  /** The program is stopped. */
  Stopping = 1,
  /** The same identity has connected anew. */
  Replaced = 2,
  /** The peer was removed. */
  Removed = 3,
  /** The peer is disabled for now. */
  Disabled = 4,
  /** The invite was used before. */
  InviteUsed = 5,
  InviteExpired = 6,
  InviteRevoked = 7,
  /** The address asked for is not free, or not this client's. */
  AddressRefused = 8,
  /** The network has no address left. */
  NoAddress = 9,
  /** Something was sent that this protocol does not allow. */
  ProtocolViolation = 10,
}

/** An inner address with the length of its network's prefix. */
export interface InterfaceAddress {
  address: number;
  prefixLength: number;
}

/** What a server tells a client to use. */
export interface Configuration {
  /** The name under which the server knows the client. */
  name: string;
  address: InterfaceAddress;
  mtu: number;
  /** Networks behind the server, besides the one that `address` is in. */
  routes: Prefix[];
  /** Networks behind the client that it may send from, and is sent packets for. */
  prefixes: Prefix[];
  /** Addresses of DNS servers. */
  dns: number[];
  searchDomains: string[];
  /** Milliseconds without a word after which either end sends a Ping. */
  keepalive: number;
  /** Milliseconds without a word after which either end gives the connection up. */
  timeout: number;
}

enum ItemType {
  Name = 1,
  Address = 2,
  Mtu = 3,
  Route = 4,
  Dns = 5,
  SearchDomain = 6,
  Keepalive = 7,
  Timeout = 8,
  Prefix = 9,
}

/** A packet's length at the least that every link carries (RFC 791, 3.1), and at the most. */
const MTU_LEAST = 68;
const MTU_MOST = 65_535;

/** Bounds of times, in milliseconds: a tenth of a second and a day. */
const TIME_LEAST = 100;
const TIME_MOST = 86_400_000;

/** Most items of a kind that a client takes. */
const MAX_LIST = 64;

/** What a name that goes into logs, files and tables may be: a letter or digit, then 63 more. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Labels of letters, digits and inner hyphens (RFC 1123, 2.1), 253 characters at the most. */
export const DOMAIN_PATTERN =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder("ascii");

/** The body of a Configuration message. */
export function writeConfiguration(configuration: Configuration): Uint8Array {
  const { name, address, mtu, routes, prefixes, dns, searchDomains } = configuration;
  const items: Item[] = [
    { type: ItemType.Name, value: encoder.encode(name) },
    { type: ItemType.Address, value: prefixValue(address.address, address.prefixLength) },
    { type: ItemType.Mtu, value: uintValue(mtu, 2) },
    ...prefixItems(ItemType.Route, routes),
    ...prefixItems(ItemType.Prefix, prefixes),
    ...dns.map((server) => ({ type: ItemType.Dns, value: uintValue(server, 4) })),
    ...searchDomains.map((domain) => ({
      type: ItemType.SearchDomain,
      value: encoder.encode(domain),
    })),
    { type: ItemType.Keepalive, value: uintValue(configuration.keepalive, 4) },
    { type: ItemType.Timeout, value: uintValue(configuration.timeout, 4) },
  ];
  return writeItems(items);
}

/**
 * Reads and checks the body of a Configuration message. Items of lengths for later versions (IPv6
 * addresses have 16 bytes) are passed over.
 *
 * @throws {SyntaxError} if it is none, or says what no client should do
 */
export function readConfiguration(body: Uint8Array): Configuration {
  const items = readItems(body);
  const all = (type: ItemType): Uint8Array[] =>
    items.filter((item) => item.type === type).map(({ value }) => value);
  const one = (type: ItemType): Uint8Array => {
    const [value] = all(type);
    if (value === undefined) throw new SyntaxError(`The item ${ItemType[type]} is missing`);
    return value;
  };
  const list = (type: ItemType): Uint8Array[] => all(type).slice(0, MAX_LIST);
  return {
    name: matching(one(ItemType.Name), NAME_PATTERN),
    address: readInterfaceAddress(all(ItemType.Address).find(isIpv4Prefix)),
    mtu: within(readUint(one(ItemType.Mtu), 2), MTU_LEAST, MTU_MOST),
    routes: list(ItemType.Route).filter(isIpv4Prefix).map(readPrefix),
    prefixes: list(ItemType.Prefix).filter(isIpv4Prefix).map(readPrefix),
    dns: list(ItemType.Dns).filter(({ length }) => length === 4).map((value) => readUint(value, 4)),
    searchDomains: list(ItemType.SearchDomain).map((value) => matching(value, DOMAIN_PATTERN)),
    keepalive: within(readUint(one(ItemType.Keepalive), 4), TIME_LEAST, TIME_MOST),
    timeout: within(readUint(one(ItemType.Timeout), 4), TIME_LEAST, TIME_MOST),
  };
}

/** The body of a Close message. */
export function writeClose(reason: CloseReason): Uint8Array {
  return Uint8Array.of(reason);
}

/** In words, for the person at the other end. */
export function describeClose(reason: number): string {
  return CLOSE_TEXTS[reason as CloseReason] ?? `it ended the connection (reason ${reason})`;
}

const CLOSE_TEXTS: Readonly<Record<CloseReason, string>> = {
  [CloseReason.Stopping]: "it is stopping",
  [CloseReason.Replaced]: "the same identity has connected from somewhere else",
  [CloseReason.Removed]: "this client was removed there",
  [CloseReason.Disabled]: "this client is disabled there",
  [CloseReason.InviteUsed]: "the invite was used before",
  [CloseReason.InviteExpired]: "the invite has expired",
  [CloseReason.InviteRevoked]: "the invite was revoked",
  [CloseReason.AddressRefused]: "the address asked for is not this client's to have",
  [CloseReason.NoAddress]: "its network has no address left",
  [CloseReason.ProtocolViolation]: "it was sent something that the protocol does not allow",
};

function prefixItems(type: ItemType, prefixes: readonly Prefix[]): Item[] {
  return prefixes.map(({ first, length }) => ({ type, value: prefixValue(first, length) }));
}

function prefixValue(address: number, length: number): Uint8Array {
  return Uint8Array.of(...uintValue(address, 4), length);
}

function isIpv4Prefix(value: Uint8Array): boolean {
  return value.length === 5;
}

function readPrefix(value: Uint8Array): Prefix {
  const prefix = new Prefix(readUint(value.subarray(0, 4), 4), within(value[4]!, 0, 32));
  if (prefix.first === readUint(value.subarray(0, 4), 4)) return prefix;
  throw new SyntaxError("A route has host bits set");
}

function readInterfaceAddress(value: Uint8Array | undefined): InterfaceAddress {
  if (value === undefined) throw new SyntaxError("There is no address");
  const address = readUint(value.subarray(0, 4), 4);
  const prefix = new Prefix(address, within(value[4]!, 1, 30));
  if (address === prefix.first || address === prefix.last) {
    throw new SyntaxError("The address is no host's");
  }
  return { address, prefixLength: prefix.length };
}

function within(value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new SyntaxError(`A value is ${value}, not from ${least} to ${most}`);
}

function matching(value: Uint8Array, pattern: RegExp): string {
  const text = decoder.decode(value);
  if (pattern.test(text)) return text;
  throw new SyntaxError("A name has characters that it must not have");
}
