import {
  IFF_NO_PI,
  IFF_TUN,
  IFF_TUN_EXCL,
  IFF_VNET_HDR,
  IFNAMSIZ,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_TSO_ECN,
  TUNSETIFF,
  TUNSETOFFLOAD,
} from "./constants.ts";
import { check, Errno, OsError } from "./error.ts";
import { closeFd, openFd } from "./fd.ts";
import { IFREQ } from "./layout.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";

const DEVICE = "/dev/net/tun";
const decoder = new TextDecoder();

/** linux/if_tun.h since 6.2; older headers do not have them. */
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;

/** Sets of what a TUN device can leave to its reader, the largest first; kernels refuse what they lack. */
const OFFLOADS = [
  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6,
  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6,
  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6,
];

/** What a TUN device leaves to its reader, and takes from its writer. */
export type TunOffload =
  /** Ordinary packets only, without a virtio_net_hdr. */
  | "none"
  /** A virtio_net_hdr before each packet; unfinished checksums and TCP super-packets. */
  | "tcp"
  /** UDP super-packets as well (since Linux 6.2). */
  | "tcp+udp";

/** A TUN device. It is gone, with its addresses and routes, when `fd` is closed. */
export interface TunDevice {
  /** Each `read()` gives, and each `write()` takes, one IP packet. Non-blocking. */
  readonly fd: number;
  readonly name: string;
  readonly offload: TunOffload;
}

/**
 * Creates a TUN device.
 *
 * @param name a name of at most 15 bytes; "%d" in it becomes the lowest free number
 * @param offload whether super-packets are wanted, as far as the kernel can
 * @throws {OsError} `open` if /dev/net/tun cannot be opened; `ioctl` with EPERM without
 *   CAP_NET_ADMIN, EBUSY if the name is taken, EINVAL if it cannot be a name
 */
export function createTun(name: string, offload: boolean): TunDevice {
  const fd = openFd(cString(DEVICE), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  try {
    const ifreq = new NativeBuffer(IFREQ.size);
    ifreq.bytes.set(cString(name).subarray(0, IFNAMSIZ), IFREQ.ifr_name);
    const flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | (offload ? IFF_VNET_HDR : 0);
    ifreq.view.setUint16(IFREQ.ifr_ifru, flags, true);
    check("ioctl", libc.ioctl(fd, TUNSETIFF, ifreq.address));
    const given = ifreq.bytes.subarray(0, ifreq.bytes.indexOf(0));
    return { fd, name: decoder.decode(given), offload: offload ? probeOffload(fd) : "none" };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Turns on what the kernel can. The header is there in any case, and says that there is nothing. */
function probeOffload(fd: number): TunOffload {
  const accepted = OFFLOADS.find((flags) => libc.ioctl(fd, TUNSETOFFLOAD, flags) === 0);
  return accepted !== undefined && (accepted & TUN_F_USO4) !== 0 ? "tcp+udp" : "tcp";
}

/** Whether an error says that the TUN device was deleted under its program's hands. */
export function isTunGone(error: OsError): boolean {
  return error.errno === Errno.EBADFD;
}
