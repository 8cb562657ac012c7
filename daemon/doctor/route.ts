import { OsError } from "../../ffi/error.ts";
import { interfaceName } from "../../ffi/interface.ts";
import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";
import { wayTo } from "../../ffi/rtnetlink.ts";
import type { SocketAddress } from "../../ffi/socket_address.ts";
import { fault, type Finding, note, ok } from "../../lib/doctor/finding.ts";

const LOOP = "loop";

/**
 * Whether packets to the server leave by a tunnel.
 *
 * @param own the running client's TUN device
 */
export function checkRoute(server: SocketAddress, own: string | undefined): Finding[] {
  const name = exitTo(server);
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

function exitTo(server: SocketAddress): string | undefined {
  try {
    const { interfaceIndex } = wayTo(server.ip);
    return interfaceIndex === undefined ? undefined : interfaceName(interfaceIndex);
  } catch (error) {
    if (error instanceof OsError) return undefined;
    throw error;
  }
}
