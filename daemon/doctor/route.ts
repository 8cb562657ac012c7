import { OsError } from "../../ffi/error.ts";
import { interfaceName } from "../../ffi/interface.ts";
import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";
import { interfaceTo } from "../../ffi/rtnetlink.ts";
import type { SocketAddress } from "../../ffi/socket_address.ts";
import { fault, type Finding, note, ok } from "../../lib/doctor/finding.ts";

const LOOP = "loop";

/**
 * Whether packets to the server leave by a tunnel.
 *
 * @param own the running client's TUN device
 */
export function checkRoute(server: SocketAddress, own: string | undefined): Finding[] {
  const name = wayTo(server);
  // That there is no way is told by the attempt to connect.
  if (name === undefined) return [];
  if (name === own) {
    return [
      fault(LOOP, `Packets to the server ${server.host} go into its own tunnel, ${name}`, {
        why:
          "a route or rule leads there that is more exact, or looked at earlier, than the one outside",
        mend:
          `"ip route get ${server.host}" shows it; "sudo ip route add ${server.host} via GATEWAY", ` +
          "the gateway of the network outside, leads around it",
      }),
    ];
  }
  const isTun = readKernelFileIfAny(`/sys/class/net/${name}/tun_flags`) !== undefined;
  if (isTun) {
    return [note(LOOP, `Packets to the server ${server.host} go through a tunnel, ${name}`)];
  }
  return [ok(LOOP, `Packets to the server ${server.host} leave by ${name}`)];
}

function wayTo(server: SocketAddress): string | undefined {
  try {
    const index = interfaceTo(server.ip);
    return index === undefined ? undefined : interfaceName(index);
  } catch (error) {
    if (error instanceof OsError) return undefined;
    throw error;
  }
}
