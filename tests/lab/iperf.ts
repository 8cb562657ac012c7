import type { Machine } from "../../scripts/lab.ts";

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
  // It says on stdout that it listens.
  const server = to.start(["sh", "-c", "exec iperf3 --server --one-off --forceflush >&2"]);
  await server.waitFor(/Server listening/);
  const text = await from.run("iperf3", "--json", "--client", address, ...options);
  await server.status;
  return (JSON.parse(text) as { end: IperfReport }).end;
}
