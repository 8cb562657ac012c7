import type { IpAddress } from "../address/ip_address.ts";
import { isWithin, type Prefix } from "../address/prefix.ts";

/** A network that an interface of this machine is in. */
export interface LocalNetwork {
  interface: string;
  prefix: Prefix;
}

/** An address that a tunnel hangs on, and that is to be reached outside of it, such as its server's. */
export interface Anchor {
  address: IpAddress;
  /** Whose it is, with the address, as in "the gateway 192.168.1.1". */
  name: string;
}

/** This machine without its tunnel. */
export interface Outside {
  locals: readonly LocalNetwork[];
  /** Networks that are reached by routes of their own, other than the default one. */
  networks: readonly Prefix[];
  anchors: readonly Anchor[];
}

/**
 * The first of what the tunnel hangs on that would be looked for in the tunnel if this network was there.
 * Only a longer route keeps it outside: of two that are as long the kernel takes the one with the lower
 * metric, and DHCP clients give theirs a high one.
 */
export function findTaken(
  network: Prefix,
  { networks, anchors }: Pick<Outside, "networks" | "anchors">,
): Anchor | undefined {
  const isKept = (address: IpAddress): boolean =>
    networks.some((other) => other.length > network.length && isWithin(other, address));
  return anchors.find(({ address }) => isWithin(network, address) && !isKept(address));
}
