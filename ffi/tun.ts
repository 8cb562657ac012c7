import {
  IFF_NO_PI,
  IFF_TUN,
  IFF_TUN_EXCL,
  IFNAMSIZ,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  TUNSETIFF,
} from "./constants.ts";
import { check, Errno, OsError } from "./error.ts";
import { closeFd, openFd } from "./fd.ts";
import { IFREQ } from "./layout.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";

const DEVICE = "/dev/net/tun";
const decoder = new TextDecoder();

/** A TUN device. It is gone, with its addresses and routes, when `fd` is closed. */
export interface TunDevice {
  /** Each `read()` gives, and each `write()` takes, one IP packet. Non-blocking. */
  readonly fd: number;
  readonly name: string;
}

/**
 * Creates a TUN device.
 *
 * @param name a name of at most 15 bytes; "%d" in it becomes the lowest free number
 * @throws {OsError} `open` if /dev/net/tun cannot be opened; `ioctl` with EPERM without
 *   CAP_NET_ADMIN, EBUSY if the name is taken, EINVAL if it cannot be a name
 */
export function createTun(name: string): TunDevice {
  const fd = openFd(cString(DEVICE), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  try {
    const ifreq = new NativeBuffer(IFREQ.size);
    ifreq.bytes.set(cString(name).subarray(0, IFNAMSIZ), IFREQ.ifr_name);
    ifreq.view.setUint16(IFREQ.ifr_ifru, IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL, true);
    check("ioctl", libc.ioctl(fd, TUNSETIFF, ifreq.address));
    const given = ifreq.bytes.subarray(0, ifreq.bytes.indexOf(0));
    return { fd, name: decoder.decode(given) };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Whether an error says that the TUN device was deleted under its program's hands. */
export function isTunGone(error: OsError): boolean {
  return error.errno === Errno.EBADFD;
}
