import { check } from "./error.ts";
import { closeFd } from "./fd.ts";
import { IFNAMSIZ, IFREQ, SOCKADDR_IN } from "./layout.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";
import { createSocket, SOCK_DGRAM } from "./socket.ts";
import { AF_INET } from "./socket_address.ts";

/** linux/sockios.h */
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const SIOCSIFMTU = 0x8922;
const SIOCGIFINDEX = 0x8933;
const SIOCSIFTXQLEN = 0x8943;

/** linux/if.h */
const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;

/** Whether there is an interface of this number, any more. */
export function interfaceExists(index: number): boolean {
  const name = new NativeBuffer(IFNAMSIZ);
  return libc.if_indextoname(index, name.address) !== 0;
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
