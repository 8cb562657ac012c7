/** Network interfaces as a whole, by netlink (linux/if_link.h). */
import {
  IFLA_GROUP,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  NLM_F_ACK,
  NLM_F_DUMP,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./constants.ts";
import { IFINFOMSG } from "./layout.ts";
import { body, hostOrder, readAttributes, readNested, request } from "./netlink.ts";

/** The names of all interfaces of this network namespace. @throws {OsError} */
export function listInterfaces(): string[] {
  return links().map(({ name }) => name);
}

/** The names of the bridges among them (ip-link(8), "type bridge"). @throws {OsError} */
export function listBridges(): string[] {
  return links().filter(({ kind }) => kind === "bridge").map(({ name }) => name);
}

/** All interfaces, and of what kind those are that are no hardware. @throws {OsError} */
function links(): { name: string; kind: string | undefined }[] {
  return request(RTM_GETLINK, NLM_F_DUMP, body(IFINFOMSG), []).flatMap((message) => {
    const attributes = readAttributes(message, IFINFOMSG);
    const name = attributes.get(IFLA_IFNAME);
    const info = attributes.get(IFLA_LINKINFO);
    const kind = info && readNested(info).get(IFLA_INFO_KIND);
    return name === undefined ? [] : [{ name: textOf(name), kind: kind && textOf(kind) }];
  });
}

/** Puts an interface into a group, 0 at first, that packet filters can ask for. @throws {OsError} */
export function setInterfaceGroup(index: number, group: number): void {
  const message = body(IFINFOMSG);
  message.set(hostOrder(index), IFINFOMSG.ifi_index);
  request(RTM_NEWLINK, NLM_F_ACK, message, [{ type: IFLA_GROUP, value: hostOrder(group) }]);
}

/** Text that may end with a NUL: a name does, a kind does not. */
function textOf({ buffer, byteOffset, byteLength }: DataView): string {
  const text = new TextDecoder().decode(new Uint8Array(buffer, byteOffset, byteLength));
  return text.replace(/\0$/, "");
}
