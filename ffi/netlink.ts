/**
 * Messages to and from the kernel's rtnetlink (rtnetlink(7), linux/netlink.h). Integers are in host
 * order, addresses in network order.
 */
import { AF_NETLINK, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, SOCK_RAW } from "./constants.ts";
import { check, OsError } from "./error.ts";
import { closeFd } from "./fd.ts";
import { NLMSGERR, NLMSGHDR, RTATTR } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";
import { createSocket } from "./socket.ts";

/** One attribute of a message. */
export interface Attribute {
  type: number;
  value: Uint8Array;
}

/** A message's body with these fields, each an offset and one byte; the others are 0. */
export function body(
  { size }: { size: number },
  ...fields: (readonly [offset: number, value: number])[]
): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const [offset, value] of fields) bytes[offset] = value;
  return bytes;
}

/**
 * Sends one request and returns the messages that answer it, acknowledgements left out.
 *
 * @throws {OsError} `rtnetlink` with what the kernel says to it
 */
export function request(
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

/** Writes a message to the beginning of a buffer that is all zeros; returns its length. */
export function writeMessage(
  { view, bytes }: Pick<NativeBuffer, "view" | "bytes">,
  type: number,
  flags: number,
  body: Uint8Array,
  attributes: Attribute[],
): number {
  bytes.set(body, NLMSGHDR.size);
  let at = NLMSGHDR.size + body.length;
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
  for (const message of splitMessages(bytes)) {
    const type = messageType(message);
    if (type === NLMSG_DONE) return true;
    if (type === NLMSG_ERROR) {
      const error = -message.getInt32(NLMSGHDR.size + NLMSGERR.error, true);
      if (error !== 0) throw new OsError("rtnetlink", error);
      return true;
    }
    answers.push(message);
  }
  return false;
}

/** The messages that came together. One that is cut off is left out, with what follows it. */
export function splitMessages(bytes: Uint8Array<ArrayBuffer>): DataView[] {
  const messages: DataView[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + NLMSGHDR.size <= bytes.length;) {
    const length = view.getUint32(at + NLMSGHDR.nlmsg_len, true);
    if (length < NLMSGHDR.size || length > bytes.length - at) break;
    messages.push(new DataView(bytes.buffer, bytes.byteOffset + at, length));
    at = align(at + length);
  }
  return messages;
}

/** What a message is, such as RTM_NEWROUTE. */
export function messageType(message: DataView): number {
  return message.getUint16(NLMSGHDR.nlmsg_type, true);
}

/**
 * The attributes of a message whose body has this size, by their types. One that is cut off is left out,
 * with what follows it.
 */
export function readAttributes(message: DataView, body: { size: number }): Map<number, DataView> {
  return attributesFrom(message, NLMSGHDR.size + body.size);
}

/** The attributes that an attribute's value is made of, by their types. */
export function readNested(value: DataView): Map<number, DataView> {
  return attributesFrom(value, 0);
}

function attributesFrom(message: DataView, start: number): Map<number, DataView> {
  const attributes = new Map<number, DataView>();
  const end = message.byteLength;
  for (let at = start; at + RTATTR.size <= end;) {
    const length = message.getUint16(at + RTATTR.rta_len, true);
    if (length < RTATTR.size || length > end - at) break;
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

/** A 32-bit integer as an attribute's value. */
export function hostOrder(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return new Uint8Array(view.buffer);
}
