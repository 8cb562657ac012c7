import { AF_INET, AF_INET6 } from "../ffi/constants.ts";
import { Errno, OsError } from "../ffi/error.ts";
import { parseSocketAddress, ResolveError } from "../ffi/resolve.ts";
import { listenTcp } from "../ffi/socket.ts";
import { SocketAddress } from "../ffi/socket_address.ts";
import { openUdp } from "../ffi/udp.ts";
import { Failure } from "./failure.ts";

/** What opens a socket at an address. @throws {OsError} */
const OPENERS = { TCP: listenTcp, UDP: openUdp };

/**
 * Listens on a port, of one address or of all.
 *
 * @returns the listening socket
 * @throws {Failure} that says what to do
 */
export async function listen(
  protocol: keyof typeof OPENERS,
  host: string | undefined,
  port: number,
): Promise<number> {
  const open = OPENERS[protocol];
  const addresses = host === undefined
    ? [SocketAddress.any(AF_INET6, port), SocketAddress.any(AF_INET, port)]
    : await literalAddress(host, port);
  try {
    return open(addresses[0]!);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    // A kernel without IPv6: then IPv4 is all addresses that there are.
    if (error.errno === Errno.EAFNOSUPPORT && addresses[1]) return open(addresses[1]);
    throw new Failure(
      `Cannot listen on ${protocol} port ${port}${host ? ` of ${host}` : ""}: ${error.reason}: ${
        advise(error, protocol, port)
      }`,
    );
  }
}

async function literalAddress(text: string, port: number): Promise<SocketAddress[]> {
  try {
    return await parseSocketAddress(text, port);
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    throw new Failure(`Cannot listen on "${text}": it is no IPv4 or IPv6 address`);
  }
}

function advise(error: OsError, protocol: string, port: number): string {
  switch (error.errno) {
    case Errno.EADDRINUSE:
      return `another program has it ("ss -l${
        protocol === "TCP" ? "t" : "u"
      }np sport = :${port}" tells which); end that, or choose ` +
        "another port with -p";
    case Errno.EADDRNOTAVAIL:
      return 'this machine has no such address ("ip address" lists them)';
    case Errno.EACCES:
      return "ports below 1024 need root, or choose another with -p";
    default:
      return "choose another address with --listen or another port with -p";
  }
}
