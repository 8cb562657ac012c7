/** What the kernel tells of changes of links, addresses and routes (rtnetlink(7)). */
import { addressOfBytes, type IpAddress } from "../lib/address/ip_address.ts";
import { type Prefix, prefixOf } from "../lib/address/prefix.ts";
import {
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LOCAL,
  IFF_LOWER_UP,
  IFF_UP,
  RT_SCOPE_UNIVERSE,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_TABLE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTN_UNICAST,
} from "./constants.ts";
import { IFADDRMSG, IFINFOMSG, NLMSGHDR, RTMSG } from "./layout.ts";
import { messageType, readAttributes } from "./netlink.ts";

/** An interface is, or is not any more. */
export interface LinkChange {
  type: "link";
  isThere: boolean;
  interfaceIndex: number;
  /** Whether somebody took it up, and whether its cable, or what stands for that, has another end. */
  isUp: boolean;
  hasCarrier: boolean;
}

/** An interface has an address, or not any more. */
export interface AddressChange {
  type: "address";
  isThere: boolean;
  interfaceIndex: number;
  address: IpAddress;
  /** Whether it is good beyond this link and this machine. */
  isGlobal: boolean;
  /** Whether it is still found out if another host has it. */
  isTentative: boolean;
}

/** There is a route, or not any more. */
export interface RouteChange {
  type: "route";
  isThere: boolean;
  network: Prefix;
  table: number;
  /** Who made it, such as RTPROT_KERNEL. */
  protocol: number;
  /** Whether it leads to other hosts, unlike those of broadcasts and of this machine. */
  isUnicast: boolean;
  /** Undefined if it leads through several interfaces, or through none. */
  interfaceIndex: number | undefined;
  /** The router that it leads by; undefined if the network is the interface's own, or there are several. */
  gateway: IpAddress | undefined;
}

export type NetworkChange = LinkChange | AddressChange | RouteChange;

/** Reads a message of rtnetlink. Returns undefined if it is of another kind, or makes no sense. */
export function readNetworkChange(message: DataView): NetworkChange | undefined {
  const type = messageType(message);
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return readLink(message, type === RTM_NEWLINK);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return readAddress(message, type === RTM_NEWADDR);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return readRoute(message, type === RTM_NEWROUTE);
  }
}

function readLink(message: DataView, isThere: boolean): LinkChange | undefined {
  if (message.byteLength < NLMSGHDR.size + IFINFOMSG.size) return undefined;
  const flags = message.getUint32(NLMSGHDR.size + IFINFOMSG.ifi_flags, true);
  return {
    type: "link",
    isThere,
    interfaceIndex: message.getInt32(NLMSGHDR.size + IFINFOMSG.ifi_index, true),
    isUp: (flags & IFF_UP) !== 0,
    hasCarrier: (flags & IFF_LOWER_UP) !== 0,
  };
}

function readAddress(message: DataView, isThere: boolean): AddressChange | undefined {
  if (message.byteLength < NLMSGHDR.size + IFADDRMSG.size) return undefined;
  const field = (offset: number): number => message.getUint8(NLMSGHDR.size + offset);
  const attributes = readAttributes(message, IFADDRMSG);
  const family = field(IFADDRMSG.ifa_family);
  const address = readIp(attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS), family);
  if (address === undefined) return undefined;
  const flags = readUint32(attributes.get(IFA_FLAGS)) ?? field(IFADDRMSG.ifa_flags);
  return {
    type: "address",
    isThere,
    interfaceIndex: message.getUint32(NLMSGHDR.size + IFADDRMSG.ifa_index, true),
    address,
    isGlobal: field(IFADDRMSG.ifa_scope) === RT_SCOPE_UNIVERSE,
    isTentative: (flags & IFA_F_TENTATIVE) !== 0,
  };
}

function readRoute(message: DataView, isThere: boolean): RouteChange | undefined {
  if (message.byteLength < NLMSGHDR.size + RTMSG.size) return undefined;
  const field = (offset: number): number => message.getUint8(NLMSGHDR.size + offset);
  const attributes = readAttributes(message, RTMSG);
  const family = field(RTMSG.rtm_family);
  const network = readNetwork(attributes.get(RTA_DST), field(RTMSG.rtm_dst_len), family);
  if (network === undefined) return undefined;
  return {
    type: "route",
    isThere,
    network,
    table: readUint32(attributes.get(RTA_TABLE)) ?? field(RTMSG.rtm_table),
    protocol: field(RTMSG.rtm_protocol),
    isUnicast: field(RTMSG.rtm_type) === RTN_UNICAST,
    interfaceIndex: readUint32(attributes.get(RTA_OIF)),
    gateway: readIp(attributes.get(RTA_GATEWAY), family),
  };
}

/** A route to everything has no address. */
function readNetwork(
  value: DataView | undefined,
  length: number,
  family: number,
): Prefix | undefined {
  const isEverything = length === 0 && value === undefined;
  const size = addressSize(family);
  if (size === undefined || length > 8 * size) return undefined;
  const first = isEverything ? addressOfBytes(new Uint8Array(size)) : readIp(value, family);
  return first === undefined ? undefined : prefixOf(first, length);
}

function readIp(value: DataView | undefined, family: number): IpAddress | undefined {
  if (value === undefined || value.byteLength !== addressSize(family)) return undefined;
  return addressOfBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
}

function readUint32(value: DataView | undefined): number | undefined {
  return value?.byteLength === 4 ? value.getUint32(0, true) : undefined;
}

/** Bytes of an address. */
function addressSize(family: number): number | undefined {
  if (family === AF_INET) return 4;
  return family === AF_INET6 ? 16 : undefined;
}
