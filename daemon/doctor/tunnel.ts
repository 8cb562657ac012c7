import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";
import { formatIpv4 } from "../../lib/address/ipv4_address.ts";
import { isIpv4Prefix } from "../../lib/address/prefix.ts";
import { fault, type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";
import type { LocalAddress } from "../local_networks.ts";
import { runCommand } from "../run_command.ts";

const TUNNEL = "tunnel";
const TUNNEL_MTU = "tunnel-mtu";

/** Bytes of the headers of IPv4 and ICMP. */
const HEADERS = 28;

/** Lengths that are tried when the longest does not pass. */
const SHORTER = [1400, 1300, 1200, 1000, 576];

/** How a ping ended; undefined if it cannot be told: there is no such program, or another kind of it. */
type Echo = boolean | undefined;

/**
 * Whether a running client's tunnel carries packets, of all lengths that it should.
 *
 * @param tun its TUN device; undefined if that could not be seen
 * @param address its address there; undefined if it has none
 */
export async function checkTunnel(
  pid: number,
  tun: string | undefined,
  address: LocalAddress | undefined,
): Promise<Finding[]> {
  if (tun === undefined) {
    return [note(TUNNEL, `The client is running (process ${pid}); only root can see more of it`)];
  }
  if (address === undefined || !isIpv4Prefix(address.prefix)) {
    return [notConnected(pid, `${tun} has no address`)];
  }
  const server = formatIpv4(address.prefix.first + 1);
  const echo = await ping(server, 56);
  if (echo === undefined) {
    return [note(TUNNEL, "The tunnel was not tried: there is no ping program")];
  }
  if (!echo) {
    return [
      fault(TUNNEL, `${tun} is up, and the server does not answer through it (${server})`, {
        why:
          "the connection is broken and that was not noticed yet, or a packet filter on the server drops " +
          "what comes out of the tunnel",
        mend:
          `on the server: "sudo simplevpn-server doctor", and allow what comes in by its TUN device`,
      }),
    ];
  }
  return [
    ok(TUNNEL, `The server answers through the tunnel (${server})`),
    await checkMtu(tun, server),
  ];
}

/** A client runs, and has no connection now. */
export function notConnected(pid: number, reason: string): Finding {
  return warning(TUNNEL, `The client is running (process ${pid}), and not connected: ${reason}`, {
    why: "what is said of the server here tells why; its log does, too",
    mend: '"journalctl -u simplevpn-client" if systemd runs it',
  });
}

async function checkMtu(tun: string, server: string): Promise<Finding> {
  const mtu = Number(readKernelFileIfAny(`/sys/class/net/${tun}/mtu`) ?? NaN);
  if (await ping(server, mtu - HEADERS)) {
    return ok(TUNNEL_MTU, `Packets of ${mtu} bytes, the MTU of ${tun}, pass the tunnel`);
  }
  const shorter = SHORTER.filter((length) => length < mtu);
  const passed = await Promise.all(shorter.map((length) => ping(server, length - HEADERS)));
  const longest = shorter.find((_, i) => passed[i]) ?? 0;
  if (longest === 0) {
    return note(TUNNEL_MTU, "The lengths that pass the tunnel could not be found out");
  }
  return fault(TUNNEL_MTU, `Packets of ${mtu} bytes vanish in the tunnel; ${longest} pass`, {
    why: `the MTU of ${tun} is more than the tunnel carries`,
    mend:
      `"sudo ip link set dev ${tun} mtu ${longest}", and start the client with --mtu ${longest}`,
  });
}

/** Asks for one echo of so many bytes, which must not be cut. */
async function ping(address: string, size: number): Promise<Echo> {
  const words = ["-n", "-c", "2", "-i", "0.3", "-W", "2", "-M", "do", "-s", `${size}`, address];
  try {
    const { code, stdout } = await runCommand(["ping", ...words], { timeout: 5_000 });
    if (code > 1) return undefined;
    return / [12] received/.test(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.TimedOut) return false;
    throw error;
  }
}
