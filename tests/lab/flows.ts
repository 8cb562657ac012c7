import type { LabProcess, Machine } from "../../scripts/lab.ts";

const PROGRAM = ["python3", new URL("flows.py", import.meta.url).pathname];

/** What the kernel at one end of TCP flows counted, over all of them. */
export interface TcpReport {
  /** Segments with data that it sent. */
  segments: number;
  /** Segments that it sent again. */
  retransmitted: number;
  /** Segments that the other end said it had received twice. */
  duplicates: number;
  /** Packets that came out of order. */
  out_of_order: number;
}

/** Starts what sends back the flows of others, and waits until it does. */
export async function startEcho(machine: Machine): Promise<LabProcess> {
  const echo = machine.start([...PROGRAM, "serve"]);
  await echo.waitFor(/ready/);
  return echo;
}

/**
 * Runs TCP flows to a machine with an echo, and back. @throws {Error} if other bytes come back
 */
export async function tcpFlows(
  from: Machine,
  to: string,
  flows: number,
): Promise<{ here: TcpReport; there: TcpReport }> {
  return JSON.parse(await from.run(...PROGRAM, "tcp", to, String(flows)));
}

/**
 * Runs UDP flows to a machine with an echo, and back: small datagrams, and ones that just fit into
 * the MTU, which leave as super-packets.
 *
 * @throws {Error} if a datagram is lost, doubled, altered, or in another one's place
 */
export async function udpFlows(
  from: Machine,
  to: string,
  flows: number,
  mtu: number,
): Promise<void> {
  const headers = to.includes(":") ? 48 : 28;
  await from.run(...PROGRAM, "udp", to, String(flows), String(mtu - headers));
}

/**
 * Makes a machine send again what got lost on the way to an address, and nothing for other reasons:
 * no guess after a short silence, which a busy machine makes often, counts for a loss.
 */
export async function sendAgainOnlyWhatIsLost(
  machine: Machine,
  to: string,
  device: string,
): Promise<void> {
  await machine.run("sh", "-c", "echo 0 > /proc/sys/net/ipv4/tcp_early_retrans");
  await machine.run("ip", "route", "add", to, "dev", device, "rto_min", "20s");
}
