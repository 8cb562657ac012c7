/** Control messages: the bodies of control frames. Types that are not known are passed over. */
import { addressBytes, addressOfBytes, type IpAddress, isOrdinary } from "../address/ip_address.ts";
import { type Ipv6Address, readIpv6 } from "../address/ipv6_address.ts";
import { Ipv4Prefix } from "../address/ipv4_prefix.ts";
import { Ipv6Prefix } from "../address/ipv6_prefix.ts";
import { hasOrdinary, type Prefix } from "../address/prefix.ts";
import { type Item, readItems, readUint, uintValue, writeItems } from "./items.ts";
import {
  isIpv4Item,
  isIpv6Item,
  isPrefixItem,
  prefixItems,
  prefixValue,
  readPrefix,
} from "./prefix_item.ts";

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
  /** Client to server: the networks behind the client. @see {writeAnnouncement} */
  Announcement = 10,
}

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
export interface InterfaceAddress<Address extends IpAddress = number> {
  address: Address;
  prefixLength: number;
}

/** What a server tells a client to use. */
export interface Configuration {
  /** The name under which the server knows the client. */
  name: string;
  address: InterfaceAddress;
  /** Of a tunnel that carries IPv6. */
  address6?: InterfaceAddress<Ipv6Address> | undefined;
  mtu: number;
  /** Networks behind the server, besides those that the addresses are in. */
  routes: Prefix[];
  /** Networks behind the client that it may send from, and is sent packets for. */
  prefixes: Prefix[];
  /** Addresses of DNS servers. */
  dns: IpAddress[];
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

/**
 * Least and greatest prefix length of a tunnel's own network, by version: one with room for a server and
 * a client, and not so large that a client's route to it would take the better part of the internet.
 */
export const HOST_NETWORK_LENGTHS = { ipv4: [8, 30], ipv6: [16, 126] } as const;

/** Bounds of times, in milliseconds: a tenth of a second and a day. */
export const TIME_LEAST = 100;
export const TIME_MOST = 86_400_000;

/** Most items of a kind that a client takes, so that a Configuration has an end. */
export const MAX_LIST = 64;

/** What a name that goes into logs, files and tables may be: a letter or digit, then 63 more. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Labels of letters, digits and inner hyphens (RFC 1123, 2.1), 253 characters at the most. */
export const DOMAIN_PATTERN =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder("ascii");

/** The body of a Configuration message. */
export function writeConfiguration(configuration: Configuration): Uint8Array {
  const { name, address, address6, mtu, routes, prefixes, dns, searchDomains } = configuration;
  const items: Item[] = [
    { type: ItemType.Name, value: encoder.encode(name) },
    ...[address, ...address6 ? [address6] : []].map(({ address, prefixLength }) => ({
      type: ItemType.Address,
      value: prefixValue(address, prefixLength),
    })),
    { type: ItemType.Mtu, value: uintValue(mtu, 2) },
    ...prefixItems(ItemType.Route, routes),
    ...prefixItems(ItemType.Prefix, prefixes),
    ...dns.map((server) => ({ type: ItemType.Dns, value: addressBytes(server) })),
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
 * Reads and checks the body of a Configuration message. Addresses that are of neither version are
 * passed over.
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
    address: readIpv4Interface(all(ItemType.Address).find(isIpv4Item)),
    address6: readIpv6Interface(all(ItemType.Address).find(isIpv6Item)),
    mtu: within(readUint(one(ItemType.Mtu), 2), MTU_LEAST, MTU_MOST),
    routes: list(ItemType.Route).filter(isPrefixItem).map(readRoute),
    prefixes: list(ItemType.Prefix).filter(isPrefixItem).map(readRoute),
    dns: list(ItemType.Dns).filter(({ length }) => length === 4 || length === 16)
      .map(addressOfBytes),
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
  [CloseReason.Replaced]: "the same identity has connected from somewhere else: each machine " +
    "needs an invite, and a state folder, of its own",
  [CloseReason.Removed]: "this client was removed there",
  [CloseReason.Disabled]: "this client is disabled there",
  [CloseReason.InviteUsed]: "the invite was used before",
  [CloseReason.InviteExpired]: "the invite has expired",
  [CloseReason.InviteRevoked]: "the invite was revoked",
  [CloseReason.AddressRefused]:
    "the address that this client asked for, or has there, cannot be used",
  [CloseReason.NoAddress]: "its network has no address left",
  [CloseReason.ProtocolViolation]: "it was sent something that the protocol does not allow",
};

function readRoute(value: Uint8Array): Prefix {
  const prefix = readPrefix(value);
  if (hasOrdinary(prefix)) return prefix;
  throw new SyntaxError(`A route leads to ${prefix}, where no host is`);
}

function readIpv4Interface(value: Uint8Array | undefined): InterfaceAddress {
  if (value === undefined) throw new SyntaxError("There is no address");
  const address = readUint(value.subarray(0, 4), 4);
  const prefix = new Ipv4Prefix(address, within(value[4]!, ...HOST_NETWORK_LENGTHS.ipv4));
  if (!isOrdinary(address) || address === prefix.first || address === prefix.last) {
    throw new SyntaxError("The address is no host's");
  }
  return { address, prefixLength: prefix.length };
}

function readIpv6Interface(
  value: Uint8Array | undefined,
): InterfaceAddress<Ipv6Address> | undefined {
  if (value === undefined) return undefined;
  const address = readIpv6(value);
  const prefix = new Ipv6Prefix(address, within(value[16]!, ...HOST_NETWORK_LENGTHS.ipv6));
  if (!isOrdinary(address) || address.every((word, i) => word === prefix.first[i])) {
    throw new SyntaxError("The IPv6 address is no host's");
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
