import {
  AF_INET,
  IFF_UP,
  IFNAMSIZ,
  SIOCGIFFLAGS,
  SIOCGIFINDEX,
  SIOCSIFADDR,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
  SIOCSIFNETMASK,
  SIOCSIFTXQLEN,
  SOCK_DGRAM,
} from "./constants.ts";
import { check } from "./error.ts";
import { closeFd } from "./fd.ts";
import { IFREQ, SOCKADDR_IN } from "./layout.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";
import { createSocket } from "./socket.ts";

/** Whether there is an interface of this number, any more. */
export function interfaceExists(index: number): boolean {
  const name = new NativeBuffer(IFNAMSIZ);
  return libc.if_indextoname(index, name.address) !== 0;
}

/** The name of the interface of this number; undefined if there is none, any more. */
export function interfaceName(index: number): string | undefined {
  const { bytes, address } = new NativeBuffer(IFNAMSIZ);
  if (libc.if_indextoname(index, address) === 0) return undefined;
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

/** Settings of one network interface by ioctl (netdevice(7)). They end with the interface. */
export class NetworkInterface {
  readonly name: string;
  readonly #request = new NativeBuffer(IFREQ.size);

  /** @param name an interface that exists */
  constructor(name: string) {
    this.name = name;
  }

  /** The interface's IFF_ bits. @throws {OsError} */
  get flags(): number {
    this.#clear();
    this.#call(SIOCGIFFLAGS);
    return this.#request.view.getUint16(IFREQ.ifr_ifru, true);
  }

  /** The number by which netlink knows the interface. @throws {OsError} */
  get index(): number {
    this.#clear();
    this.#call(SIOCGIFINDEX);
    return this.#request.view.getInt32(IFREQ.ifr_ifru, true);
  }

  /**
   * Sets how many packets may wait to be sent.
   *
   * @throws {OsError} EPERM in a user namespace: the kernel wants real root for this one ioctl
   *   (dev_ioctl() in net/core/dev_ioctl.c)
   */
  setQueueLength(packets: number): void {
    this.#setInt(SIOCSIFTXQLEN, packets);
  }

  /** Sets the MTU and takes it up. @throws {OsError} */
  bringUp(mtu: number): void {
    this.#setInt(SIOCSIFMTU, mtu);
    const flags = this.flags;
    this.#clear();
    this.#request.view.setUint16(IFREQ.ifr_ifru, flags | IFF_UP, true);
    this.#call(SIOCSIFFLAGS);
  }

  /**
   * Gives the interface an IPv4 address, in place of the one it had, and with the netmask a route
   * to the network.
   *
   * @throws {OsError}
   */
  setAddress(address: number, netmask: number): void {
    this.#setInet(SIOCSIFADDR, address);
    this.#setInet(SIOCSIFNETMASK, netmask);
  }

  #setInt(request: number, value: number): void {
    this.#clear();
    this.#request.view.setInt32(IFREQ.ifr_ifru, value, true);
    this.#call(request);
  }

  #setInet(request: number, address: number): void {
    this.#clear();
    const { view } = this.#request;
    view.setUint16(IFREQ.ifr_ifru + SOCKADDR_IN.sin_family, AF_INET, true);
    view.setUint32(IFREQ.ifr_ifru + SOCKADDR_IN.sin_addr, address);
    this.#call(request);
  }

  #clear(): void {
    this.#request.bytes.fill(0);
    this.#request.bytes.set(cString(this.name), IFREQ.ifr_name);
  }

  #call(request: number): void {
    const socket = createSocket(AF_INET, SOCK_DGRAM);
    try {
      check("ioctl", libc.ioctl(socket, request, this.#request.address));
    } finally {
      closeFd(socket);
    }
  }
}
