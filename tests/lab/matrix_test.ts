/**
 * What goes into a secure tunnel comes out of it once and in order, with any number of flows, MTU
 * and pair of offloads, up and down.
 *
 * Flows send no more at a time than fits into every queue on the way (flows.py), so that nothing may
 * be lost at all and the tunnel's drop counters must stay empty. Datagrams show it by themselves: the
 * very next one sent must be the next to come back. TCP would hide it, so its sockets are asked what
 * they saw (TCP_INFO): a lost packet is retransmitted, a doubled one reported by a DSACK, a late one
 * queued out of order. That is per socket, so the tunnel's own outer connection does not count; and
 * timeouts that a busy machine could cause are out of the way, so nothing is retransmitted by mistake.
 */
import { assert, assertEquals } from "@std/assert";
import type { LabProcess } from "../../scripts/lab.ts";
import { sendAgainOnlyWhatIsLost, startEcho, tcpFlows, type TcpReport, udpFlows } from "./flows.ts";
import { countersOf } from "./inspection.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

const SERVER = "10.0.0.1";
const MTUS = [1280, 1500, 9000];
const FLOWS = [1, 4, 50];
/** Whether the server, and the client, have offload. */
const OFFLOADS = [[true, true], [true, false], [false, false]] as const;

/** Both ends of a tunnel. */
interface Ends {
  server: LabProcess;
  client: LabProcess;
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
  for (const machine of [lab.server, client.machine]) {
    // The kernel would send something to multicast addresses, which the tunnel drops and counts.
    await machine.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
  }
  const options = (offload: boolean): string[] => offload ? [] : ["--no-offload"];
  const server = await lab.startSecureServer("--mtu", String(mtu), ...options(ofServer));
  const { process, address, tun } = await lab.join(client, "pi", ...options(ofClient));
  await sendAgainOnlyWhatIsLost(client.machine, SERVER, tun);
  await sendAgainOnlyWhatIsLost(lab.server, address, "simplevpn0");
  await startEcho(lab.server);
  const ends = { server, client: process };
  for (const flows of FLOWS) {
    const before = await packetsRead(ends);
    const { here, there } = await tcpFlows(client.machine, SERVER, flows);
    const after = await packetsRead(ends);
    assertUnharmed(here);
    assertUnharmed(there);
    if (flows === 1) {
      // Segments do travel in super-packets where they can: the long bursts of a single flow.
      assertEquals(after.client - before.client < here.segments, ofClient, JSON.stringify(here));
      assertEquals(after.server - before.server < there.segments, ofServer, JSON.stringify(there));
    }
    await udpFlows(client.machine, SERVER, flows, mtu);
  }
  for (const end of [server, process]) assertEquals((await countersOf(end)).drops, {});
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
