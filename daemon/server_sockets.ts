import { setCongestionControl } from "../ffi/socket.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import { Failure } from "./failure.ts";
import { listen } from "./listen.ts";
import { log } from "./logging.ts";
import type { ServerSetup } from "./messages.ts";

/** What clients connect to. */
export type ServerSockets = Pick<ServerSetup, "listenerFd" | "datagramFd">;

/**
 * Opens the sockets that clients connect to. TCP alone will do, unless UDP was asked for: another program
 * may have that port.
 *
 * @throws {Failure}
 */
export async function openServerSockets(
  { carriers, listen: host, port, congestion }: ServerSettings,
): Promise<ServerSockets> {
  const listenerFd = carriers.includes("tcp") ? await listen("TCP", host, port) : undefined;
  if (listenerFd !== undefined && congestion !== undefined) {
    setCongestionControl(listenerFd, congestion);
  }
  if (!carriers.includes("udp")) return { listenerFd, datagramFd: undefined };
  try {
    return { listenerFd, datagramFd: await listen("UDP", host, port) };
  } catch (error) {
    if (listenerFd === undefined || !(error instanceof Failure)) throw error;
    log.warn("{problem}; serving TCP alone", { problem: error.message });
    return { listenerFd, datagramFd: undefined };
  }
}
