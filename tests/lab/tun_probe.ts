/**
 * A TUN device by itself, for tests of what the kernel does with one. Frames are a virtio_net_hdr and
 * an IPv4 packet, in hex.
 *
 *   tun_probe.ts offloads FLAGS...    what TUNSETOFFLOAD says to each: errno or 0, and what we choose
 *   tun_probe.ts write NAME           writes the frames that come on stdin, a line each; errno or 0
 *   tun_probe.ts read NAME            prints what is read, a line each, until it is ended
 *
 * The last two say "ready" on stderr when NAME has the address 10.9.0.1/24; answers are on stdout.
 */
import { TUNSETOFFLOAD } from "../../ffi/constants.ts";
import { closeFd } from "../../ffi/fd.ts";
import { NetworkInterface } from "../../ffi/interface.ts";
import { errno, libc } from "../../ffi/libc.ts";
import { NativeBuffer } from "../../ffi/native_buffer.ts";
import { createTun } from "../../ffi/tun.ts";

const ADDRESS = 0x0a090001;
const NETMASK = 0xffffff00;
const LONGEST_FRAME = 10 + 65_535;
const PAUSE = 5;

const buffer = new NativeBuffer(LONGEST_FRAME);

function offloads(flags: number[]): void {
  const { fd, offload } = createTun("probe0", true);
  const answers = flags.map((set) => libc.ioctl(fd, TUNSETOFFLOAD, set) === 0 ? 0 : errno());
  closeFd(fd);
  console.log(JSON.stringify({ answers, offload }));
}

function open(name: string): number {
  const { fd } = createTun(name, true);
  const device = new NetworkInterface(name);
  device.bringUp(1500);
  device.setAddress(ADDRESS, NETMASK);
  console.error("ready");
  return fd;
}

async function write(fd: number): Promise<void> {
  const text = await new Response(Deno.stdin.readable).text();
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
else await (role === "write" ? write : read)(open(rest[0]!));
