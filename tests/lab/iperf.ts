import type { LabProcess, Machine } from "../../scripts/lab.ts";

/** The last sums of a run of iperf3. */
export interface IperfReport {
  sum_received: { bytes: number };
  /** Of UDP alone. */
  sum: { packets: number; lost_packets: number };
}

/**
 * Measures a stream from one machine to another's address. Each run has a server of its own: one
 * that goes on is deaf for a moment between two runs.
 */
export async function iperf(
  from: Machine,
  to: Machine,
  address: string,
  ...options: string[]
): Promise<IperfReport> {
  const server = await startIperfServer(to);
  const text = await from.run("iperf3", "--json", "--client", address, ...options);
  await server.status;
  return (JSON.parse(text) as { end: IperfReport }).end;
}

/** Starts what takes one stream, and waits until it listens. */
export async function startIperfServer(machine: Machine): Promise<LabProcess> {
  // It says on stdout that it listens.
  const server = machine.start(["sh", "-c", "exec iperf3 --server --one-off --forceflush >&2"]);
  await server.waitFor(/Server listening/);
  return server;
}
