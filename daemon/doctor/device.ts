import { Errno, OsError } from "../../ffi/error.ts";
import { closeFd } from "../../ffi/fd.ts";
import { NetworkInterface } from "../../ffi/interface.ts";
import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";
import { errno, libc } from "../../ffi/libc.ts";
import { NativeBuffer } from "../../ffi/native_buffer.ts";
import { createTun, type TunDevice } from "../../ffi/tun.ts";
import { fault, type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";
import { superPacketFrame } from "../../lib/doctor/super_packet.ts";

const TUN = "tun-device";
const OFFLOAD = "offload";

/** The name of the devices that are made to be tried, and are gone afterwards. */
const PROBE_NAME = "svpnprobe%d";

/** Kernels that refuse super-packets (linux e269d79, mended by 89add40). */
const BROKEN_KERNELS = /^(6\.1\.103|6\.10\.3)(?![0-9])/;

const CONTAINER = 'in a container start it with "--device /dev/net/tun --cap-add NET_ADMIN"';

/**
 * Whether a TUN device can be made, and what it can do.
 *
 * @param tun its settings
 * @param isRunning whether the program has its own device already
 */
export function checkDevice(
  { tun: name, offload }: { tun: string; offload: boolean },
  isRunning: boolean,
): Finding[] {
  let device: TunDevice;
  try {
    device = createTun(PROBE_NAME, true);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    return [explain(error)];
  }
  try {
    const taken = isRunning ? [] : checkName(name);
    return [
      ...taken.length > 0 ? taken : [ok(TUN, "A TUN device can be made")],
      offload ? checkOffload(device) : note(OFFLOAD, "Super-packets are off (--no-offload)"),
    ];
  } finally {
    closeFd(device.fd);
  }
}

function explain(error: OsError): Finding {
  const why = `${error.call === "open" ? "/dev/net/tun" : "TUNSETIFF"}: ${error.reason}`;
  switch (error.errno) {
    case Errno.ENOENT:
    case Errno.ENODEV:
    case Errno.ENXIO:
      return fault(TUN, "There is no TUN driver: /dev/net/tun is missing", {
        why,
        mend: `"sudo modprobe tun"; ${CONTAINER}`,
      });
    case Errno.EPERM:
    case Errno.EACCES:
      return fault(TUN, "This user may not make a TUN device", {
        why: `${why}: that takes the capability CAP_NET_ADMIN`,
        mend: `run the program, and this command, as root (sudo); ${CONTAINER}`,
      });
    default:
      return fault(TUN, "No TUN device can be made", {
        why,
        mend: 'see whether the kernel has them: "zgrep CONFIG_TUN /proc/config.gz"',
      });
  }
}

function checkName(name: string): Finding[] {
  if (name.includes("%d")) return [];
  try {
    const { index } = new NetworkInterface(name);
    return [
      fault(TUN, `The name "${name}" is taken`, {
        why: `there is an interface of that name, number ${index}`,
        mend: `choose another with --tun, or "sudo ip link delete ${name}" if nobody uses it`,
      }),
    ];
  } catch (error) {
    if (error instanceof OsError) return [];
    throw error;
  }
}

/** Gives the kernel a super-packet that leads nowhere, and sees whether it takes it. */
function checkOffload({ fd, name, offload }: TunDevice): Finding {
  const release = readKernelFileIfAny("/proc/sys/kernel/osrelease")?.trim() ?? "";
  new NetworkInterface(name).bringUp(1500);
  const frame = superPacketFrame();
  const buffer = new NativeBuffer(frame.length);
  buffer.bytes.set(frame);
  const refused = libc.write(fd, buffer.address, frame.length) < 0 ? errno() : 0;
  if (refused === 0 && !BROKEN_KERNELS.test(release)) {
    return ok(OFFLOAD, `The kernel (${release}) takes super-packets: ${offload}`);
  }
  return warning(OFFLOAD, `The kernel (${release}) does not take super-packets`, {
    why: refused === 0
      ? "this version is known to drop them"
      : new OsError("write", refused).message,
    mend: "update the kernel, or start the program with --no-offload, which is slower",
  });
}
