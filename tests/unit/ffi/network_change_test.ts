import { assert, assertEquals } from "@std/assert";
import {
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LOCAL,
  IFF_LOWER_UP,
  IFF_UP,
  NLMSG_DONE,
  RT_SCOPE_LINK,
  RT_TABLE_MAIN,
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
  RTPROT_KERNEL,
} from "../../../ffi/constants.ts";
import { IFADDRMSG, IFINFOMSG, RTMSG } from "../../../ffi/layout.ts";
import {
  type Attribute,
  body,
  hostOrder,
  splitMessages,
  writeMessage,
} from "../../../ffi/netlink.ts";
import { type NetworkChange, readNetworkChange } from "../../../ffi/network_change.ts";
import { addressBytes, formatAddress, parseAddress } from "../../../lib/address/ip_address.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { Random } from "../../random.ts";

/** One message as the kernel writes it, and what follows it up to a multiple of 4 bytes. */
function message(type: number, body: Uint8Array, attributes: Attribute[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(512);
  const length = writeMessage(
    { bytes, view: new DataView(bytes.buffer) },
    type,
    0,
    body,
    attributes,
  );
  return bytes.slice(0, length);
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function read(bytes: Uint8Array<ArrayBuffer>): (NetworkChange | undefined)[] {
  return splitMessages(bytes).map(readNetworkChange);
}

/** The kernel's message of a change. */
function write(change: NetworkChange): Uint8Array<ArrayBuffer> {
  switch (change.type) {
    case "link": {
      const flags = (change.isUp ? IFF_UP : 0) | (change.hasCarrier ? IFF_LOWER_UP : 0);
      const bytes = body(IFINFOMSG);
      bytes.set(hostOrder(change.interfaceIndex), IFINFOMSG.ifi_index);
      bytes.set(hostOrder(flags), IFINFOMSG.ifi_flags);
      return message(change.isThere ? RTM_NEWLINK : RTM_DELLINK, bytes, []);
    }
    case "address": {
      const value = addressBytes(change.address);
      const flags = change.isTentative ? IFA_F_TENTATIVE : 0;
      const bytes = body(
        IFADDRMSG,
        [IFADDRMSG.ifa_family, value.length === 4 ? AF_INET : AF_INET6],
        [IFADDRMSG.ifa_flags, flags],
        [IFADDRMSG.ifa_scope, change.isGlobal ? 0 : RT_SCOPE_LINK],
      );
      bytes.set(hostOrder(change.interfaceIndex), IFADDRMSG.ifa_index);
      return message(change.isThere ? RTM_NEWADDR : RTM_DELADDR, bytes, [
        { type: IFA_ADDRESS, value },
        { type: IFA_FLAGS, value: hostOrder(flags) },
      ]);
    }
    case "route": {
      const { network, interfaceIndex, gateway } = change;
      const value = addressBytes(network.first);
      const bytes = body(
        RTMSG,
        [RTMSG.rtm_family, value.length === 4 ? AF_INET : AF_INET6],
        [RTMSG.rtm_dst_len, network.length],
        [RTMSG.rtm_protocol, change.protocol],
        [RTMSG.rtm_type, change.isUnicast ? RTN_UNICAST : 0],
      );
      return message(change.isThere ? RTM_NEWROUTE : RTM_DELROUTE, bytes, [
        ...network.length === 0 ? [] : [{ type: RTA_DST, value }],
        { type: RTA_TABLE, value: hostOrder(change.table) },
        ...interfaceIndex === undefined
          ? []
          : [{ type: RTA_OIF, value: hostOrder(interfaceIndex) }],
        ...gateway === undefined ? [] : [{ type: RTA_GATEWAY, value: addressBytes(gateway) }],
      ]);
    }
  }
}

const CHANGES: NetworkChange[] = [
  { type: "link", isThere: true, interfaceIndex: 7, isUp: true, hasCarrier: false },
  { type: "link", isThere: false, interfaceIndex: 70_000, isUp: false, hasCarrier: true },
  ...["192.0.2.7", "2001:db8::7"].flatMap((text) =>
    [true, false].map((flag): NetworkChange => ({
      type: "address",
      isThere: flag,
      interfaceIndex: 3,
      address: parseAddress(text),
      isGlobal: !flag,
      isTentative: flag,
    }))
  ),
  ...["0.0.0.0/0", "::/0", "192.0.2.0/24", "2001:db8::/32", "192.0.2.1/32"].flatMap((text) =>
    [5, undefined].map((interfaceIndex): NetworkChange => ({
      type: "route",
      isThere: interfaceIndex === 5,
      network: parsePrefix(text),
      table: interfaceIndex === 5 ? RT_TABLE_MAIN : 70_000,
      protocol: RTPROT_KERNEL,
      isUnicast: interfaceIndex === 5,
      interfaceIndex,
      gateway: interfaceIndex && parseAddress(text.includes(":") ? "fe80::1" : "192.0.2.254"),
    }))
  ),
];

Deno.test("what the kernel tells of a change is read as it was", () => {
  for (const change of CHANGES) assertEquals(read(write(change)), [change]);
});

Deno.test("messages that come together are read one by one, and others passed over", () => {
  const bytes = joined(...CHANGES.map(write), message(NLMSG_DONE, new Uint8Array(4), []));
  assertEquals(read(bytes), [...CHANGES, undefined]);
});

Deno.test("an address is IFA_LOCAL where there is one: IFA_ADDRESS is then the other end's", () => {
  const bytes = message(RTM_NEWADDR, body(IFADDRMSG, [IFADDRMSG.ifa_family, AF_INET]), [
    { type: IFA_ADDRESS, value: addressBytes(parseAddress("192.0.2.1")) },
    { type: IFA_LOCAL, value: addressBytes(parseAddress("192.0.2.2")) },
  ]);
  const [change] = read(bytes);
  assert(change?.type === "address");
  assertEquals(formatAddress(change.address), "192.0.2.2");
});

Deno.test("what is cut off anywhere is left out, and nothing else", () => {
  const parts = CHANGES.map(write);
  const bytes = joined(...parts);
  for (let length = 0; length <= bytes.length; length++) {
    let whole = 0;
    for (let end = 0; whole < parts.length && end + parts[whole]!.length <= length; whole++) {
      end += parts[whole]!.length;
    }
    assertEquals(read(bytes.slice(0, length)), CHANGES.slice(0, whole), `${length}`);
  }
});

Deno.test("bytes of any kind are read to the end, without an error", () => {
  const random = new Random(7);
  for (let i = 0; i < 20_000; i++) {
    const bytes = joined(...[1, 2, 3].map(() => write(random.pick(CHANGES))));
    const flips = random.integer(1, 8);
    for (let flip = 0; flip < flips; flip++) {
      bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
    }
    // Somewhere in a larger buffer, as what comes from a socket is.
    const offset = 4 * random.integer(0, 3);
    const buffer = new Uint8Array(offset + bytes.length + 16).fill(0xa5);
    buffer.set(bytes, offset);
    const changes = read(buffer.subarray(offset, offset + bytes.length));
    for (const change of changes) {
      if (change?.type === "route") assert(change.network.length <= 128);
    }
    assertEquals(changes, read(bytes));
  }
});
