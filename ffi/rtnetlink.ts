/**
 * Policy routing by netlink (rtnetlink(7), linux/rtnetlink.h, linux/fib_rules.h), which ioctl cannot
 * do: routes in tables of their own, and rules that say who looks there. IPv4. Integers are in host
 * order, addresses in network order.
 */
import {
  AF_INET,
  AF_NETLINK,
  FR_ACT_TO_TBL,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
  FRA_TABLE,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  RT_SCOPE_LINK,
  RTA_DST,
  RTA_OIF,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTN_UNICAST,
  SOCK_RAW,
} from "./constants.ts";
import { check, OsError } from "./error.ts";
import { closeFd } from "./fd.ts";
import { FIB_RULE_HDR, NLMSGERR, NLMSGHDR, RTATTR, RTMSG } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";
import { createSocket } from "./socket.ts";

/** Marks what this project adds, so that exactly that is found again. No other program's number. */
const RTPROT_SIMPLEVPN = 202;

/** A body is a struct rtmsg or a struct fib_rule_hdr, which are of one size. */
const BODY_LENGTH = RTMSG.size;
const ATTRIBUTES = NLMSGHDR.size + BODY_LENGTH;

/** "Packets from this address look into this table." */
export interface SourceRule {
  source: number;
  table: number;
  priority: number;
}

/** "To this network through this interface", in a table. */
export interface Route {
  network: { first: number; length: number };
  interfaceIndex: number;
  table: number;
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
    [RTMSG.rtm_family, AF_INET],
    [RTMSG.rtm_dst_len, network.length],
    [RTMSG.rtm_protocol, RTPROT_SIMPLEVPN],
    [RTMSG.rtm_scope, RT_SCOPE_LINK],
    [RTMSG.rtm_type, RTN_UNICAST],
  );
  request(type, flags, route, [
    { type: RTA_DST, value: bigEndian(network.first) },
    { type: RTA_OIF, value: hostOrder(interfaceIndex) },
    { type: RTA_TABLE, value: hostOrder(table) },
  ]);
}

/** Adds a rule. @throws {OsError} */
export function addRule(rule: SourceRule): void {
  request(RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE, RULE_BODY, ruleAttributes(rule));
}

/** Deletes a rule. @throws {OsError} ENOENT if it is not there */
export function deleteRule(rule: SourceRule): void {
  request(RTM_DELRULE, NLM_F_ACK, RULE_BODY, ruleAttributes(rule));
}

/**
 * The rules that `protocol` added: by default this project, whichever of its processes did.
 *
 * @throws {OsError} EOPNOTSUPP if the kernel has no policy routing
 */
export function listRules(protocol = RTPROT_SIMPLEVPN): SourceRule[] {
  const messages = request(RTM_GETRULE, NLM_F_DUMP, body([FIB_RULE_HDR.family, AF_INET]), []);
  return messages.map(readAttributes)
    .filter((attributes) => attributes.get(FRA_PROTOCOL)?.getUint8(0) === protocol)
    .map((attributes) => ({
      source: attributes.get(FRA_SRC)?.getUint32(0) ?? 0,
      table: attributes.get(FRA_TABLE)?.getUint32(0, true) ?? 0,
      priority: attributes.get(FRA_PRIORITY)?.getUint32(0, true) ?? 0,
    }));
}

interface Attribute {
  type: number;
  value: Uint8Array;
}

const RULE_BODY = body(
  [FIB_RULE_HDR.family, AF_INET],
  [FIB_RULE_HDR.src_len, 32],
  [FIB_RULE_HDR.action, FR_ACT_TO_TBL],
);

function ruleAttributes({ source, table, priority }: SourceRule): Attribute[] {
  return [
    { type: FRA_SRC, value: bigEndian(source) },
    { type: FRA_TABLE, value: hostOrder(table) },
    { type: FRA_PRIORITY, value: hostOrder(priority) },
    { type: FRA_PROTOCOL, value: new Uint8Array([RTPROT_SIMPLEVPN]) },
  ];
}

/** A message's body with these fields, each an offset and one byte; the others are 0. */
function body(...fields: (readonly [offset: number, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(BODY_LENGTH);
  for (const [offset, value] of fields) bytes[offset] = value;
  return bytes;
}

/** Sends one request and returns the messages that answer it, acknowledgements left out. */
function request(
  type: number,
  flags: number,
  body: Uint8Array,
  attributes: Attribute[],
): DataView[] {
  const socket = createSocket(AF_NETLINK, SOCK_RAW);
  try {
    const buffer = new NativeBuffer(64 * 1024);
    const length = writeMessage(buffer, type, NLM_F_REQUEST | flags, body, attributes);
    check("send", libc.send(socket, buffer.address, length, 0));
    const answers: DataView[] = [];
    for (;;) {
      const count = check("recv", libc.recv(socket, buffer.address, buffer.bytes.length, 0));
      if (readMessages(buffer.bytes.slice(0, count), answers)) return answers;
    }
  } finally {
    closeFd(socket);
  }
}

function writeMessage(
  { view, bytes }: NativeBuffer,
  type: number,
  flags: number,
  body: Uint8Array,
  attributes: Attribute[],
): number {
  bytes.set(body, NLMSGHDR.size);
  let at = ATTRIBUTES;
  for (const attribute of attributes) {
    const length = RTATTR.size + attribute.value.length;
    view.setUint16(at + RTATTR.rta_len, length, true);
    view.setUint16(at + RTATTR.rta_type, attribute.type, true);
    bytes.set(attribute.value, at + RTATTR.size);
    at = align(at + length);
  }
  view.setUint32(NLMSGHDR.nlmsg_len, at, true);
  view.setUint16(NLMSGHDR.nlmsg_type, type, true);
  view.setUint16(NLMSGHDR.nlmsg_flags, flags, true);
  return at;
}

/** Appends the messages in `bytes` to `answers`. Returns whether they were the last ones. */
function readMessages(bytes: Uint8Array<ArrayBuffer>, answers: DataView[]): boolean {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at + NLMSGHDR.nlmsg_len, true);
    const type = view.getUint16(at + NLMSGHDR.nlmsg_type, true);
    if (type === NLMSG_DONE) return true;
    if (type === NLMSG_ERROR) {
      const error = -view.getInt32(at + NLMSGHDR.size + NLMSGERR.error, true);
      if (error !== 0) throw new OsError("rtnetlink", error);
      return true;
    }
    answers.push(new DataView(bytes.buffer, at, length));
    at = align(at + length);
  }
  return false;
}

function readAttributes(message: DataView): Map<number, DataView> {
  const attributes = new Map<number, DataView>();
  for (let at = ATTRIBUTES; at < message.byteLength;) {
    const length = message.getUint16(at + RTATTR.rta_len, true);
    const valueAt = message.byteOffset + at + RTATTR.size;
    attributes.set(
      message.getUint16(at + RTATTR.rta_type, true),
      new DataView(message.buffer, valueAt, length - RTATTR.size),
    );
    at = align(at + length);
  }
  return attributes;
}

/** Messages and attributes begin at multiples of 4 bytes (NLMSG_ALIGNTO, RTA_ALIGNTO). */
function align(offset: number): number {
  return (offset + 3) & ~3;
}

function bigEndian(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value);
  return new Uint8Array(view.buffer);
}

function hostOrder(value: number): Uint8Array {
  return bigEndian(value).reverse();
}
