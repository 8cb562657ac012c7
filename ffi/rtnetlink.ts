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
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
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
import { FIB_RULE_HDR, IFADDRMSG, RTMSG } from "./layout.ts";
import { type Attribute, body, hostOrder, readAttributes, request } from "./netlink.ts";

/** Marks what this project adds, so that exactly that is found again. No other program's number. */
const RTPROT_SIMPLEVPN = 202;

/** "Packets from this address look into this table." */
export interface SourceRule {
  source: IpAddress;
  table: number;
  priority: number;
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

/**
 * The number of the interface by which a packet to an address would leave now; undefined if the kernel
 * does not name one.
 *
 * @throws {OsError} ENETUNREACH, EHOSTUNREACH and the like if there is no way there
 */
export function interfaceTo(address: IpAddress): number | undefined {
  const value = addressBytes(address);
  const question = body(
    RTMSG,
    [RTMSG.rtm_family, isIpv4(address) ? AF_INET : AF_INET6],
    [RTMSG.rtm_dst_len, 8 * value.length],
  );
  const [route] = request(RTM_GETROUTE, NLM_F_ACK, question, [{ type: RTA_DST, value }]);
  return route && readAttributes(route, RTMSG).get(RTA_OIF)?.getUint32(0, true);
}

/** Adds a rule. @throws {OsError} */
export function addRule(rule: SourceRule): void {
  request(RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE, ruleBody(rule), ruleAttributes(rule));
}

/** Deletes a rule. @throws {OsError} ENOENT if it is not there */
export function deleteRule(rule: SourceRule): void {
  request(RTM_DELRULE, NLM_F_ACK, ruleBody(rule), ruleAttributes(rule));
}

/**
 * The rules of one version of IP that `protocol` added: by default this project, whichever of its
 * processes did.
 *
 * @throws {OsError} EOPNOTSUPP or EAFNOSUPPORT if the kernel has no policy routing
 */
export function listRules(
  family: typeof AF_INET | typeof AF_INET6,
  protocol = RTPROT_SIMPLEVPN,
): SourceRule[] {
  const question = body(FIB_RULE_HDR, [FIB_RULE_HDR.family, family]);
  const none = new DataView(new ArrayBuffer(family === AF_INET ? 4 : 16));
  return request(RTM_GETRULE, NLM_F_DUMP, question, [])
    .map((message) => readAttributes(message, FIB_RULE_HDR))
    .filter((attributes) => attributes.get(FRA_PROTOCOL)?.getUint8(0) === protocol)
    .map((attributes) => ({
      source: addressOfBytes(bytesOf(attributes.get(FRA_SRC) ?? none)),
      table: attributes.get(FRA_TABLE)?.getUint32(0, true) ?? 0,
      priority: attributes.get(FRA_PRIORITY)?.getUint32(0, true) ?? 0,
    }));
}

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function ruleBody({ source }: SourceRule): Uint8Array {
  return body(
    FIB_RULE_HDR,
    [FIB_RULE_HDR.family, isIpv4(source) ? AF_INET : AF_INET6],
    [FIB_RULE_HDR.src_len, isIpv4(source) ? 32 : 128],
    [FIB_RULE_HDR.action, FR_ACT_TO_TBL],
  );
}

function ruleAttributes({ source, table, priority }: SourceRule): Attribute[] {
  return [
    { type: FRA_SRC, value: addressBytes(source) },
    { type: FRA_TABLE, value: hostOrder(table) },
    { type: FRA_PRIORITY, value: hostOrder(priority) },
    { type: FRA_PROTOCOL, value: new Uint8Array([RTPROT_SIMPLEVPN]) },
  ];
}
