import { AF_INET, SOCK_STREAM } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { closeFd } from "../ffi/fd.ts";
import { createSocket, setCongestionControl } from "../ffi/socket.ts";
import { Failure } from "./failure.ts";

/** Makes sure that sockets can have this congestion control. @throws {Failure} that says what to do */
export function checkCongestionControl(name: string | undefined): void {
  if (name === undefined) return;
  const fd = createSocket(AF_INET, SOCK_STREAM);
  try {
    setCongestionControl(fd, name);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    throw new Failure(`Cannot use the congestion control "${name}": ${explain(error)}`);
  } finally {
    closeFd(fd);
  }
}

function explain(error: OsError): string {
  switch (error.errno) {
    case Errno.ENOENT:
      return "this kernel has none of that name " +
        '("sysctl net.ipv4.tcp_available_congestion_control" lists them)';
    case Errno.EPERM:
      return "only root may: add it to the sysctl net.ipv4.tcp_allowed_congestion_control";
    default:
      return error.reason;
  }
}
