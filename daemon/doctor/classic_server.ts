import { Errno, OsError } from "../../ffi/error.ts";
import { ProbeSocket } from "../../ffi/probe_socket.ts";
import type { SocketAddress } from "../../ffi/socket_address.ts";
import { fault, type Finding, ok } from "../../lib/doctor/finding.ts";
import { resolveServer } from "./resolver.ts";
import { checkRoute } from "./route.ts";

const CONNECT_TIME = 3_000;

/** Whether a classic server takes connections. It is asked for nothing: an address would be taken. */
export async function checkClassicServer(
  host: string,
  port: number,
  tun: string | undefined,
): Promise<Finding[]> {
  const { findings, addresses } = await resolveServer(host, port);
  const ways = addresses.flatMap((address) => checkRoute(address, tun));
  return [...findings, ...ways, ...await Promise.all(addresses.map(connect))];
}

async function connect(address: SocketAddress): Promise<Finding> {
  const error = await tryConnection(address);
  if (error === 0) return ok("tcp", `${address} over TCP: the connection is made`);
  return fault("tcp", `${address} over TCP: ${new OsError("connect", error).reason}`, {
    why: error === Errno.ECONNREFUSED
      ? "nothing listens there, or a firewall says so"
      : "a firewall drops it, there is no way there, or the machine is down",
    mend: `on the server: "sudo simplevpn-server doctor -p ${address.port}"`,
  });
}

async function tryConnection(address: SocketAddress): Promise<number> {
  try {
    using socket = ProbeSocket.tcp(address);
    return await socket.connected(CONNECT_TIME);
  } catch (error) {
    if (error instanceof OsError) return error.errno;
    throw error;
  }
}
