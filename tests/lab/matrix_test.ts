/**
 * What goes into a secure tunnel comes out of it once and in order, over either version of IP, with any
 * number of flows, MTU and pair of offloads, up and down.
 *
 * Flows send no more at a time than fits into every queue on the way (flows.py), so that nothing may
 * be lost at all and the tunnel's drop counters must stay empty. Datagrams show it by themselves: the
 * very next one sent must be the next to come back. TCP would hide it, so its sockets are asked what
 * they saw (TCP_INFO): a lost packet is retransmitted, a doubled one reported by a DSACK, a late one
 * queued out of order. That is per socket, so the tunnel's own outer connection does not count; and
 * timeouts that a busy machine could cause are out of the way, so nothing is retransmitted by mistake.
 */
import { assert, assertEquals } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { sendAgainOnlyWhatIsLost, startEcho, tcpFlows, type TcpReport, udpFlows } from "./flows.ts";
import { countersOf } from "./inspection.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

/** The server's addresses, by the version of IP. */
const SERVERS = { IPv4: "10.0.0.1", IPv6: "fd00::1" } as const;
const MTUS = [1280, 1500, 9000];
const FLOWS = [1, 4, 50];
/** Whether the server, and the client, have offload. */
const OFFLOADS = [[true, true], [true, false], [false, false]] as const;

/** Both ends of a tunnel. */
interface Ends {
  server: LabProcess;
  client: LabProcess;
}

/** What is tried. */
interface Trial {
  ends: Ends;
  /** The client's. */
  machine: Machine;
  mtu: number;
  /** Whether they have offload. */
  ofServer: boolean;
  ofClient: boolean;
}

for (const mtu of MTUS) {
  for (const [ofServer, ofClient] of OFFLOADS) {
    const offloads = `server ${on(ofServer)}, client ${on(ofClient)}`;
    await labTest(
      `nothing is lost, doubled or reordered: MTU ${mtu}, offload at ${offloads}`,
      ["python3"],
      () => assertExact(mtu, ofServer, ofClient),
    );
  }
}

function on(offload: boolean): string {
  return offload ? "on" : "off";
}

async function assertExact(mtu: number, ofServer: boolean, ofClient: boolean): Promise<void> {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const options = (offload: boolean): string[] => offload ? [] : ["--no-offload"];
  const network = ["--network", "fd00::/64"];
  const server = await lab.startSecureServer("--mtu", `${mtu}`, ...network, ...options(ofServer));
  const joined = await lab.join(client, "pi", "--tcp", ...options(ofClient));
  for (const to of Object.values(SERVERS)) {
    await sendAgainOnlyWhatIsLost(client.machine, to, joined.tun);
  }
  for (const to of [joined.address, joined.address6]) {
    await sendAgainOnlyWhatIsLost(lab.server, to, "simplevpn0");
  }
  await startEcho(lab.server);
  const ends = { server, client: joined.process };
  const trial = { ends, machine: client.machine, mtu, ofServer, ofClient };
  for (const to of Object.values(SERVERS)) {
    for (const flows of FLOWS) await assertExactFlows(trial, to, flows);
  }
  for (const end of Object.values(ends)) {
    // What the kernels send to groups of their own accord does not count.
    const { multicast: _, ...drops } = (await countersOf(end)).drops;
    assertEquals(drops, {});
  }
}

async function assertExactFlows(
  { ends, machine, mtu, ofServer, ofClient }: Trial,
  to: string,
  flows: number,
): Promise<void> {
  const before = await packetsRead(ends);
  const { here, there } = await tcpFlows(machine, to, flows);
  const after = await packetsRead(ends);
  assertUnharmed(here);
  assertUnharmed(there);
  if (flows === 1) {
    // Segments do travel in super-packets where they can: the long bursts of a single flow.
    assertEquals(after.client - before.client < here.segments, ofClient, JSON.stringify(here));
    assertEquals(after.server - before.server < there.segments, ofServer, JSON.stringify(there));
  }
  await udpFlows(machine, to, flows, mtu);
}

function assertUnharmed({ segments, ...harm }: TcpReport): void {
  assert(segments > 0);
  assertEquals(harm, { retransmitted: 0, duplicates: 0, out_of_order: 0 });
}

/** How many packets the ends' TUN devices have given them. */
async function packetsRead({ server, client }: Ends): Promise<{ server: number; client: number }> {
  const [ofServer, ofClient] = await Promise.all([countersOf(server), countersOf(client)]);
  return { server: ofServer.packets.from_tun!, client: ofClient.packets.from_tun! };
}
