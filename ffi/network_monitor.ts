import type { IpAddress } from "../lib/address/ip_address.ts";
import {
  AF_NETLINK,
  AF_UNSPEC,
  MSG_DONTWAIT,
  NLM_F_DUMP,
  RT_TABLE_MAIN,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV4_ROUTE,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_IPV6_ROUTE,
  RTMGRP_LINK,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from "./constants.ts";
import { check, Errno } from "./error.ts";
import { closeFd } from "./fd.ts";
import { IFADDRMSG, IFINFOMSG, RTMSG, SOCKADDR_NL } from "./layout.ts";
import { errno, libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";
import { body, request, splitMessages } from "./netlink.ts";
import { type NetworkChange, readNetworkChange, type RouteChange } from "./network_change.ts";
import { createSocket } from "./socket.ts";

const GROUPS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR |
  RTMGRP_IPV6_ROUTE;

/** More than the kernel puts into one datagram. */
const LONGEST = 64 * 1024;

/** Makes a socket that becomes readable when links, addresses or routes change. @throws {OsError} */
export function openNetworkMonitor(): number {
  const fd = createSocket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK);
  try {
    const address = new NativeBuffer(SOCKADDR_NL.size);
    address.view.setUint16(SOCKADDR_NL.nl_family, AF_NETLINK, true);
    address.view.setUint32(SOCKADDR_NL.nl_groups, GROUPS, true);
    check("bind", libc.bind(fd, address.address, SOCKADDR_NL.size));
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * Takes what came together at a monitor's socket. Returns undefined if there is nothing more, and "some" if
 * so much came that the kernel threw it away.
 *
 * @throws {OsError}
 */
export function receiveChanges(
  fd: number,
  buffer: NativeBuffer,
): NetworkChange[] | "some" | undefined {
  const count = libc.recv(fd, buffer.address, buffer.bytes.length, MSG_DONTWAIT);
  if (count < 0) {
    const number = errno();
    if (number === Errno.ENOBUFS || number === Errno.EINTR) return "some";
    if (number === Errno.EAGAIN) return undefined;
  }
  check("recv", count);
  return splitMessages(buffer.bytes.subarray(0, count))
    .map(readNetworkChange).filter((change) => change !== undefined);
}

/** What `receiveChanges()` fills. */
export function monitorBuffer(): NativeBuffer {
  return new NativeBuffer(LONGEST);
}

/** The addresses of interfaces that are up. @throws {OsError} */
export function usableAddresses(): IpAddress[] {
  const present = currentNetwork();
  const up = new Set(
    present.filter((it) => it.type === "link" && it.isUp).map((it) => it.interfaceIndex),
  );
  return present.flatMap((it) =>
    it.type === "address" && up.has(it.interfaceIndex) ? [it.address] : []
  );
}

/** The links and addresses that there are now. @throws {OsError} */
export function currentNetwork(): NetworkChange[] {
  const links = body(IFINFOMSG, [IFINFOMSG.ifi_family, AF_UNSPEC]);
  const addresses = body(IFADDRMSG, [IFADDRMSG.ifa_family, AF_UNSPEC]);
  return [
    ...request(RTM_GETLINK, NLM_F_DUMP, links, []),
    ...request(RTM_GETADDR, NLM_F_DUMP, addresses, []),
  ].map(readNetworkChange).filter((change) => change !== undefined);
}

/** The main table's routes to other hosts, of both versions of IP. @throws {OsError} */
export function mainRoutes(): RouteChange[] {
  const all = body(RTMSG, [RTMSG.rtm_family, AF_UNSPEC]);
  return request(RTM_GETROUTE, NLM_F_DUMP, all, []).map(readNetworkChange)
    .filter((it) => it?.type === "route")
    .filter(({ table, isUnicast }) => table === RT_TABLE_MAIN && isUnicast);
}
