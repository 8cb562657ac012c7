import { Errno, OsError } from "../ffi/error.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import { createTun, type TunDevice } from "../ffi/tun.ts";
import { formatIpv4 } from "../lib/address/ipv4_address.ts";
import type { Ipv4Prefix } from "../lib/address/ipv4_prefix.ts";
import { Capability } from "../lib/protocol/hello.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";

/** A device of a program that was killed takes the kernel a moment to remove. */
const NAME_TAKEN_RETRIES = 20;
const NAME_TAKEN_PAUSE = 50;

/**
 * Packets that wait for their one reader. The kernel's 500 are a fraction of a burst of what the
 * reader moves between two turns.
 */
const TX_QUEUE_LENGTH = 1000;

/** Creates the TUN device. @throws {Failure} that says what to do */
export async function openTun(
  { tun: name, offload }: { tun: string; offload: boolean },
): Promise<TunDevice> {
  for (let retries = NAME_TAKEN_RETRIES;; retries--) {
    try {
      return told(createTun(name, offload));
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      if (error.errno !== Errno.EBUSY || retries === 0) throw explain(error, name);
      await new Promise((resolve) => setTimeout(resolve, NAME_TAKEN_PAUSE));
    }
  }
}

function told(tun: TunDevice): TunDevice {
  log.debug("{name} leaves {what} to this program", {
    name: tun.name,
    what: tun.offload === "none" ? "nothing" : `checksums and ${tun.offload} segmentation`,
  });
  return tun;
}

/** What this end of a tunnel can take, as bits of Capability. */
export function capabilitiesOf({ offload }: TunDevice): number {
  switch (offload) {
    case "none":
      return Capability.Parts;
    case "tcp":
      return Capability.Parts | Capability.Offload;
    case "tcp+udp":
      return Capability.Parts | Capability.Offload | Capability.UdpSegments;
  }
}

function explain(error: OsError, name: string): Failure {
  const what = error.call === "open"
    ? `Cannot open /dev/net/tun: ${error.reason}`
    : `Cannot create the TUN device "${name}": ${error.reason}`;
  return new Failure(`${what}: ${advise(error, name)}`);
}

function advise(error: OsError, name: string): string {
  switch (error.errno) {
    case Errno.EBUSY:
      return `the name is taken ("ip link show ${name}" tells by what); choose another with --tun`;
    case Errno.EPERM:
    case Errno.EACCES:
      return "run as root (sudo), or give the program the capability CAP_NET_ADMIN";
    case Errno.ENOENT:
    case Errno.ENODEV:
    case Errno.ENXIO:
      return 'load the kernel\'s TUN driver ("sudo modprobe tun"); a container needs the device ' +
        "passed in (--device /dev/net/tun)";
    default:
      return "does this kernel have TUN devices (CONFIG_TUN)?";
  }
}

/** Takes the interface up with an address in a network. Logs it as the commands it amounts to. */
export function configureTun(
  name: string,
  address: number,
  network: Ipv4Prefix,
  mtu: number,
): void {
  const cidr = `${formatIpv4(address)}/${network.length}`;
  try {
    const device = new NetworkInterface(name);
    lengthenQueue(device);
    device.bringUp(mtu);
    device.setAddress(address, network.netmask);
    log.debug("ip link set {name} up mtu {mtu}", { name, mtu });
    log.debug("ip address replace {cidr} dev {name}", { cidr, name });
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    throw new Failure(`Cannot set ${name} up with ${cidr} and MTU ${mtu}: ${error.reason}`);
  }
}

/** A longer queue makes bursts faster, and nothing needs it: not everybody may ask for one. */
function lengthenQueue(device: NetworkInterface): void {
  const values = { name: device.name, queue: TX_QUEUE_LENGTH };
  try {
    device.setQueueLength(TX_QUEUE_LENGTH);
    log.debug("ip link set {name} txqueuelen {queue}", values);
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== Errno.EPERM) throw error;
    log.debug("The queue of {name} stays as it is: {reason}", { ...values, reason: error.reason });
  }
}
