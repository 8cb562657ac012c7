/**
 * Policy routing by netlink (rtnetlink(7), linux/rtnetlink.h, linux/fib_rules.h), which ioctl cannot
 * do: routes in tables of their own, and rules that say who looks there. IPv4. Integers are in host
 * order, addresses in network order.
 */
import { check, OsError } from "./error.ts";
import { closeFd } from "./fd.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";
import { createSocket } from "./socket.ts";
import { AF_INET } from "./socket_address.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_NEWROUTE = 24;
const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const RTM_GETRULE = 34;

const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP = 0x300;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_TABLE = 15;
const FRA_SRC = 2;
const FRA_PRIORITY = 6;
const FRA_TABLE = 15;
const FRA_PROTOCOL = 21;

const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
const FR_ACT_TO_TBL = 1;

/** Marks what this project adds, so that exactly that is found again. No other program's number. */
const RTPROT_SIMPLEVPN = 202;

/** Bytes of a struct nlmsghdr, and of a struct rtmsg as of a struct fib_rule_hdr. */
const HEADER = 16;
const BODY = 12;
const ATTRIBUTES = HEADER + BODY;

/** "Packets from this address look into this table." */
export interface SourceRule {
  source: number;
  table: number;
  priority: number;
}

/** Makes the kernel route a network through an interface in a table. @throws {OsError} */
export function addRoute(
  network: { first: number; length: number },
  interfaceIndex: number,
  table: number,
): void {
  const body = [AF_INET, network.length, 0, 0, 0, RTPROT_SIMPLEVPN, RT_SCOPE_LINK, RTN_UNICAST];
  request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body, [
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

/** The rules that were added by this project, whichever of its processes did. @throws {OsError} */
export function listRules(): SourceRule[] {
  const messages = request(RTM_GETRULE, NLM_F_DUMP, [AF_INET, 0, 0, 0, 0, 0, 0, 0], []);
  return messages.map(readAttributes)
    .filter((attributes) => attributes.get(FRA_PROTOCOL)?.getUint8(0) === RTPROT_SIMPLEVPN)
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

const SOURCE_LENGTH = 32;
const RULE_BODY = [AF_INET, 0, SOURCE_LENGTH, 0, 0, 0, 0, FR_ACT_TO_TBL];

function ruleAttributes({ source, table, priority }: SourceRule): Attribute[] {
  return [
    { type: FRA_SRC, value: bigEndian(source) },
    { type: FRA_TABLE, value: hostOrder(table) },
    { type: FRA_PRIORITY, value: hostOrder(priority) },
    { type: FRA_PROTOCOL, value: new Uint8Array([RTPROT_SIMPLEVPN]) },
  ];
}

/** Sends one request and returns the messages that answer it, acknowledgements left out. */
function request(type: number, flags: number, body: number[], attributes: Attribute[]): DataView[] {
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
  body: number[],
  attributes: Attribute[],
): number {
  bytes.set(body, HEADER);
  let at = ATTRIBUTES;
  for (const attribute of attributes) {
    view.setUint16(at, 4 + attribute.value.length, true);
    view.setUint16(at + 2, attribute.type, true);
    bytes.set(attribute.value, at + 4);
    at = align(at + 4 + attribute.value.length);
  }
  view.setUint32(0, at, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  return at;
}

/** Appends the messages in `bytes` to `answers`. Returns whether they were the last ones. */
function readMessages(bytes: Uint8Array<ArrayBuffer>, answers: DataView[]): boolean {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at = align(at + view.getUint32(at, true))) {
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE) return true;
    if (type === NLMSG_ERROR) {
      const error = -view.getInt32(at + HEADER, true);
      if (error !== 0) throw new OsError("rtnetlink", error);
      return true;
    }
    answers.push(new DataView(bytes.buffer, at, view.getUint32(at, true)));
  }
  return false;
}

function readAttributes(message: DataView): Map<number, DataView> {
  const attributes = new Map<number, DataView>();
  for (let at = ATTRIBUTES; at < message.byteLength;) {
    const length = message.getUint16(at, true);
    const value = new DataView(message.buffer, message.byteOffset + at + 4, length - 4);
    attributes.set(message.getUint16(at + 2, true), value);
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
