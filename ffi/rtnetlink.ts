/**
 * Routes, rules and IPv6 addresses by netlink, which ioctl cannot do, or not for IPv6 (linux/rtnetlink.h,
 * linux/fib_rules.h, linux/if_addr.h): routes in tables of their own, and rules that say who looks there.
 */
import { addressBytes, addressOfBytes, type IpAddress, isIpv4 } from "../lib/address/ip_address.ts";
import type { Ipv6Address } from "../lib/address/ipv6_address.ts";
import { isIpv4Prefix, type Prefix } from "../lib/address/prefix.ts";
import {
  AF_INET,
  AF_INET6,
  FR_ACT_TO_TBL,
  FR_ACT_UNREACHABLE,
  FRA_DST,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  IFA_ADDRESS,
  IFA_F_NODAD,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RT_SCOPE_LINK,
  RTA_DST,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_TABLE,
  RTM_DELADDR,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_NEWADDR,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTN_UNICAST,
} from "./constants.ts";
import { FIB_RULE_HDR, IFADDRMSG, NLMSGHDR, RTMSG } from "./layout.ts";
import { type Attribute, body, hostOrder, readAttributes, request } from "./netlink.ts";

/** Marks what this project adds, so that exactly that is found again. No other program's number. */
export const RTPROT_SIMPLEVPN = 202;

export type IpFamily = typeof AF_INET | typeof AF_INET6;

/** What becomes of packets of one version of IP that the rules before have not decided on. */
export interface Rule {
  family: IpFamily;
  priority: number;
  /** The one address that packets are from, or to, for the rule to be for them. */
  source?: IpAddress | undefined;
  destination?: IpAddress | undefined;
  /** The table that they look into. */
  table: number;
  /** Routes there that have no longer a prefix are passed over. */
  suppressPrefixLength?: number | undefined;
  /** They do not look there, and get nowhere. */
  unreachable?: boolean;
}

/** "To this network through this interface", in a table. */
export interface Route {
  network: Prefix;
  interfaceIndex: number;
  table: number;
}

/** An IPv6 address of an interface, with the length of its network's prefix. */
export interface Ipv6InterfaceAddress {
  address: Ipv6Address;
  prefixLength: number;
  interfaceIndex: number;
}

/**
 * Gives an interface an IPv6 address, and with that a route to its network.
 *
 * @throws {OsError} EEXIST if it has the address; EACCES where IPv6 is turned off (disable_ipv6),
 *   EOPNOTSUPP or EAFNOSUPPORT where the kernel has none, EINVAL where the MTU is too small for it
 */
export function addIpv6Address(address: Ipv6InterfaceAddress): void {
  changeAddress(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, address);
}

/** Takes an address from an interface. @throws {OsError} EADDRNOTAVAIL if it does not have it */
export function deleteIpv6Address(address: Ipv6InterfaceAddress): void {
  changeAddress(RTM_DELADDR, NLM_F_ACK, address);
}

function changeAddress(
  type: number,
  flags: number,
  { address, prefixLength, interfaceIndex }: Ipv6InterfaceAddress,
): void {
  const message = body(
    IFADDRMSG,
    [IFADDRMSG.ifa_family, AF_INET6],
    [IFADDRMSG.ifa_prefixlen, prefixLength],
    [IFADDRMSG.ifa_flags, IFA_F_NODAD],
  );
  message.set(hostOrder(interfaceIndex), IFADDRMSG.ifa_index);
  request(type, flags, message, [{ type: IFA_ADDRESS, value: addressBytes(address) }]);
}

/** Adds a route. @throws {OsError} EEXIST if there is a route to that network in that table */
export function addRoute(route: Route): void {
  changeRoute(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, route);
}

/** Deletes a route. @throws {OsError} ESRCH if it is not there */
export function deleteRoute(route: Route): void {
  changeRoute(RTM_DELROUTE, NLM_F_ACK, route);
}

function changeRoute(type: number, flags: number, { network, interfaceIndex, table }: Route): void {
  const route = body(
    RTMSG,
    [RTMSG.rtm_family, isIpv4Prefix(network) ? AF_INET : AF_INET6],
    [RTMSG.rtm_dst_len, network.length],
    [RTMSG.rtm_protocol, RTPROT_SIMPLEVPN],
    [RTMSG.rtm_scope, RT_SCOPE_LINK],
    [RTMSG.rtm_type, RTN_UNICAST],
  );
  request(type, flags, route, [
    { type: RTA_DST, value: addressBytes(network.first) },
    { type: RTA_OIF, value: hostOrder(interfaceIndex) },
    { type: RTA_TABLE, value: hostOrder(table) },
  ]);
}

/** How a packet would leave. What the kernel does not name is undefined. */
export interface Way {
  interfaceIndex: number | undefined;
  /** The address that it would come from, where a program chooses none. */
  source: IpAddress | undefined;
}

/**
 * How a packet to an address would leave now.
 *
 * @throws {OsError} ENETUNREACH, EHOSTUNREACH and the like if there is no way there
 */
export function wayTo(address: IpAddress): Way {
  const value = addressBytes(address);
  const question = body(
    RTMSG,
    [RTMSG.rtm_family, isIpv4(address) ? AF_INET : AF_INET6],
    [RTMSG.rtm_dst_len, 8 * value.length],
  );
  const [route] = request(RTM_GETROUTE, NLM_F_ACK, question, [{ type: RTA_DST, value }]);
  const attributes = route && readAttributes(route, RTMSG);
  const source = attributes?.get(RTA_PREFSRC);
  return {
    interfaceIndex: attributes?.get(RTA_OIF)?.getUint32(0, true),
    source: source && addressOfBytes(bytesOf(source)),
  };
}

/** Adds a rule. @throws {OsError} EOPNOTSUPP or EAFNOSUPPORT if the kernel has no policy routing */
export function addRule(rule: Rule): void {
  request(RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE, ruleBody(rule), ruleAttributes(rule));
}

/** Deletes a rule. @throws {OsError} ENOENT if it is not there */
export function deleteRule(rule: Rule): void {
  request(RTM_DELRULE, NLM_F_ACK, ruleBody(rule), ruleAttributes(rule));
}

/**
 * The rules of one version of IP that `protocol` added: by default this project, whichever of its
 * processes did.
 *
 * @throws {OsError} EOPNOTSUPP or EAFNOSUPPORT if the kernel has no policy routing
 */
export function listRules(family: IpFamily, protocol = RTPROT_SIMPLEVPN): Rule[] {
  const question = body(FIB_RULE_HDR, [FIB_RULE_HDR.family, family]);
  return request(RTM_GETRULE, NLM_F_DUMP, question, [])
    .map((message) => ({ message, attributes: readAttributes(message, FIB_RULE_HDR) }))
    .filter(({ attributes }) => attributes.get(FRA_PROTOCOL)?.getUint8(0) === protocol)
    .map(({ message, attributes }) => readRule(family, message, attributes));
}

/** What the kernel says where nothing is suppressed: -1. */
const NO_PREFIX_LENGTH = 0xffff_ffff;

function readRule(family: IpFamily, message: DataView, attributes: Map<number, DataView>): Rule {
  const number = (type: number): number | undefined => attributes.get(type)?.getUint32(0, true);
  const address = (type: number): IpAddress | undefined => {
    const value = attributes.get(type);
    return value && addressOfBytes(bytesOf(value));
  };
  const suppressed = number(FRA_SUPPRESS_PREFIXLEN);
  return {
    family,
    priority: number(FRA_PRIORITY) ?? 0,
    source: address(FRA_SRC),
    destination: address(FRA_DST),
    table: number(FRA_TABLE) ?? 0,
    suppressPrefixLength: suppressed === NO_PREFIX_LENGTH ? undefined : suppressed,
    unreachable: message.getUint8(NLMSGHDR.size + FIB_RULE_HDR.action) === FR_ACT_UNREACHABLE,
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function ruleBody({ family, source, destination, unreachable }: Rule): Uint8Array {
  const addressLength = family === AF_INET ? 32 : 128;
  return body(
    FIB_RULE_HDR,
    [FIB_RULE_HDR.family, family],
    [FIB_RULE_HDR.dst_len, destination === undefined ? 0 : addressLength],
    [FIB_RULE_HDR.src_len, source === undefined ? 0 : addressLength],
    [FIB_RULE_HDR.action, unreachable ? FR_ACT_UNREACHABLE : FR_ACT_TO_TBL],
  );
}

function ruleAttributes(rule: Rule): Attribute[] {
  const { source, destination, suppressPrefixLength } = rule;
  const suppressed = suppressPrefixLength === undefined ? [] : [suppressPrefixLength];
  return [
    ...destination === undefined ? [] : [{ type: FRA_DST, value: addressBytes(destination) }],
    ...source === undefined ? [] : [{ type: FRA_SRC, value: addressBytes(source) }],
    ...suppressed.map((length) => ({ type: FRA_SUPPRESS_PREFIXLEN, value: hostOrder(length) })),
    { type: FRA_TABLE, value: hostOrder(rule.table) },
    { type: FRA_PRIORITY, value: hostOrder(rule.priority) },
    { type: FRA_PROTOCOL, value: new Uint8Array([RTPROT_SIMPLEVPN]) },
  ];
}
