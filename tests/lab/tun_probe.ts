/**
 * A TUN device by itself, for tests of what the kernel does with one. Frames are a virtio_net_hdr and
 * an IP packet, in hex.
 *
 *   tun_probe.ts offloads FLAGS...    what TUNSETOFFLOAD says to each: errno or 0, and what we choose
 *   tun_probe.ts write FILE           writes the frames of a file, a line each; errno or 0 for each
 *   tun_probe.ts read                 prints what is read, a line each, until it is ended
 *
 * The device is "probe0" and has the addresses 10.0.0.3/31 and fd00::3/127 before something is written, and before
 * "ready" is said on stderr. Answers are on stdout.
 */
import { TUNSETOFFLOAD } from "../../ffi/constants.ts";
import { closeFd } from "../../ffi/fd.ts";
import { NetworkInterface } from "../../ffi/interface.ts";
import { errno, libc } from "../../ffi/libc.ts";
import { NativeBuffer } from "../../ffi/native_buffer.ts";
import { addIpv6Address } from "../../ffi/rtnetlink.ts";
import { createTun } from "../../ffi/tun.ts";
import { parseIpv6 } from "../../lib/address/ipv6_address.ts";

const NAME = "probe0";
const ADDRESS = 0x0a000003;
const NETMASK = 0xfffffffe;
const LONGEST_FRAME = 10 + 65_575;
const PAUSE = 5;

const buffer = new NativeBuffer(LONGEST_FRAME);

function offloads(flags: number[]): void {
  const { fd, offload } = createTun(NAME, true);
  const answers = flags.map((set) => libc.ioctl(fd, TUNSETOFFLOAD, set) === 0 ? 0 : errno());
  closeFd(fd);
  console.log(JSON.stringify({ answers, offload }));
}

function open(): number {
  const { fd } = createTun(NAME, true);
  const device = new NetworkInterface(NAME);
  device.bringUp(1500);
  device.setAddress(ADDRESS, NETMASK);
  addIpv6Address({
    address: parseIpv6("fd00::3"),
    prefixLength: 127,
    interfaceIndex: device.index,
  });
  console.error("ready");
  return fd;
}

function write(fd: number, text: string): void {
  const answers = text.trimEnd().split("\n").map((line) => {
    const frame = Uint8Array.fromHex(line);
    buffer.bytes.set(frame);
    return libc.write(fd, buffer.address, frame.length) === frame.length ? 0 : errno();
  });
  console.log(JSON.stringify(answers));
}

async function read(fd: number): Promise<never> {
  for (;;) {
    const count = libc.read(fd, buffer.address, LONGEST_FRAME);
    if (count > 0) console.log(buffer.bytes.subarray(0, count).toHex());
    else await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

const [role, ...rest] = Deno.args;
if (role === "offloads") offloads(rest.map(Number));
else if (role === "write") write(open(), await Deno.readTextFile(rest[0]!));
else await read(open());
