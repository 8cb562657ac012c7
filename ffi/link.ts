/** Network interfaces as a whole, by netlink (linux/if_link.h). */
import {
  IFLA_GROUP,
  IFLA_IFNAME,
  NLM_F_ACK,
  NLM_F_DUMP,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./constants.ts";
import { IFINFOMSG } from "./layout.ts";
import { body, hostOrder, readAttributes, request } from "./netlink.ts";

/** The names of all interfaces of this network namespace. @throws {OsError} */
export function listInterfaces(): string[] {
  return request(RTM_GETLINK, NLM_F_DUMP, body(IFINFOMSG), []).flatMap((message) => {
    const name = readAttributes(message, IFINFOMSG).get(IFLA_IFNAME);
    return name === undefined ? [] : [textOf(name)];
  });
}

/** Puts an interface into a group, 0 at first, that packet filters can ask for. @throws {OsError} */
export function setInterfaceGroup(index: number, group: number): void {
  const message = body(IFINFOMSG);
  message.set(hostOrder(index), IFINFOMSG.ifi_index);
  request(RTM_NEWLINK, NLM_F_ACK, message, [{ type: IFLA_GROUP, value: hostOrder(group) }]);
}

/** Text that ends with a NUL. */
function textOf({ buffer, byteOffset, byteLength }: DataView): string {
  return new TextDecoder().decode(new Uint8Array(buffer, byteOffset, byteLength - 1));
}
