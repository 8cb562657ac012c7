/**
 * Changes addresses of this network namespace so often that a monitor with a small buffer misses some, and
 * prints what the monitor gives, as JSON: "some" for what the kernel threw away, else how many changes.
 */
import { SO_RCVBUF, SOL_SOCKET } from "../../ffi/constants.ts";
import { monitorBuffer, openNetworkMonitor, receiveChanges } from "../../ffi/network_monitor.ts";
import { addIpv6Address } from "../../ffi/rtnetlink.ts";
import { setOption } from "../../ffi/socket.ts";
import { parseIpv6 } from "../../lib/address/ipv6_address.ts";

const LOOPBACK_INDEX = 1;
const CHANGES = 200;

const fd = openNetworkMonitor();
setOption(fd, SOL_SOCKET, SO_RCVBUF, 1);
for (let i = 0; i < CHANGES; i++) {
  const address = parseIpv6(`2001:db8::${(i + 1).toString(16)}`);
  addIpv6Address({ address, prefixLength: 128, interfaceIndex: LOOPBACK_INDEX });
}
const buffer = monitorBuffer();
const given: (number | "some")[] = [];
for (;;) {
  const changes = receiveChanges(fd, buffer);
  if (changes === undefined) break;
  given.push(changes === "some" ? changes : changes.length);
}
console.log(JSON.stringify(given));
