import { Errno, OsError } from "../ffi/error.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import { addIpv6Address, deleteIpv6Address, type Ipv6InterfaceAddress } from "../ffi/rtnetlink.ts";
import { formatAddress } from "../lib/address/ip_address.ts";
import type { Ipv6Address } from "../lib/address/ipv6_address.ts";
import type { Ipv6Prefix } from "../lib/address/ipv6_prefix.ts";
import { IPV6_LEAST_MTU } from "../lib/packet/ipv6.ts";
import { log } from "./logging.ts";

/** An IPv6 address in the network that it is to be in. */
export interface Ipv6Host {
  address: Ipv6Address;
  network: Ipv6Prefix;
}

/** What a kernel says that has no IPv6, or is told not to use it. */
const NO_IPV6: readonly number[] = [Errno.EACCES, Errno.EAFNOSUPPORT, Errno.EOPNOTSUPP];

/**
 * The IPv6 address of a TUN device. A machine need not have IPv6: then the tunnel carries IPv4 alone,
 * which is said once.
 */
export class TunIpv6 {
  readonly #name: string;
  #present: Ipv6InterfaceAddress | undefined;
  #isTold = false;

  /** @param name a TUN device of this program, which is up */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Gives the device this address, or none, in place of the one it had. Returns whether it carries IPv6.
   *
   * @throws {OsError} for other reasons than that IPv6 is not there
   */
  set(host: Ipv6Host | undefined, mtu: number): boolean {
    const isPossible = mtu >= IPV6_LEAST_MTU;
    if (isPossible && host !== undefined && this.#isPresent(host)) return true;
    this.#clear();
    if (host === undefined) return false;
    if (!isPossible) return this.#without(`it needs an MTU of ${IPV6_LEAST_MTU}`);
    try {
      this.#add(host);
      return true;
    } catch (error) {
      if (!(error instanceof OsError) || !NO_IPV6.includes(error.errno)) throw error;
      return this.#without(`this machine has none, or is told not to use it: ${error.reason}`);
    }
  }

  /** Connections over an address that is there already are not to notice. */
  #isPresent({ address, network }: Ipv6Host): boolean {
    const present = this.#present;
    return present?.prefixLength === network.length &&
      formatAddress(present.address) === formatAddress(address);
  }

  #add({ address, network }: Ipv6Host): void {
    const { index: interfaceIndex } = new NetworkInterface(this.#name);
    const wanted = { address, prefixLength: network.length, interfaceIndex };
    addIpv6Address(wanted);
    this.#present = wanted;
    log.debug("ip address add {cidr} dev {name}", {
      cidr: `${formatAddress(address)}/${network.length}`,
      name: this.#name,
    });
  }

  #clear(): void {
    const present = this.#present;
    this.#present = undefined;
    try {
      if (present !== undefined) deleteIpv6Address(present);
    } catch (error) {
      // With a smaller MTU, or turned off, IPv6 leaves the device together with its addresses.
      if (!(error instanceof OsError)) throw error;
      log.debug("Cannot take its IPv6 address from {name}: {reason}", {
        name: this.#name,
        reason: error.reason,
      });
    }
  }

  #without(reason: string): false {
    if (!this.#isTold) log.warn("The tunnel goes without IPv6: {reason}", { reason });
    this.#isTold = true;
    return false;
  }
}
