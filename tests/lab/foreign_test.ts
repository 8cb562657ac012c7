/**
 * A machine behind a client, whose cable has no checksum offload: its kernel verifies each checksum
 * of each packet itself, and so finds out about those that a tunnel between virtio headers, where
 * nobody looks, could carry wrong for ever.
 */
import { assert, assertEquals } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { startEcho, tcpFlows, udpFlows } from "./flows.ts";
import { countersOf, kernelCounters } from "./inspection.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

const NETWORK = "192.168.7.0/24";
const ROUTER = "192.168.7.1";
const FOREIGN = "192.168.7.2";
const MTU = 1500;

/** Counters of packets that a kernel found faults with, /proc/net/snmp's names. */
const FAULTS = [
  "Ip.InHdrErrors",
  "Tcp.InCsumErrors",
  "Tcp.InErrs",
  "Udp.InCsumErrors",
  "Udp.InErrors",
];

/** A tunnel whose client leads to one machine more. */
interface ForeignLab extends TunnelLab {
  foreign: Machine;
  router: Machine;
  /** The foreign machine's end of the cable to the router. */
  foreignInterface: string;
  /** The client program on the router. */
  client: LabProcess;
}

/** The options are of the server and of the client. */
async function openForeignLab(ofServer: string[], ofClient: string[]): Promise<ForeignLab> {
  const lab = await TunnelLab.open();
  const client = await lab.addClient();
  const foreign = await lab.lab.machine("foreign");
  const router = client.machine;
  const cable = await lab.lab.cable(router, [`${ROUTER}/24`], foreign, [`${FOREIGN}/24`]);
  // A sender that leaves no checksum to its cable, so that the receiver has to look at it.
  await router.run("ethtool", "-K", cable.one, "tx", "off", "rx", "off");
  // One that merges what it receives: so there are super-packets to forward that way, too.
  await router.run("ethtool", "-K", cable.one, "gro", "on");
  await foreign.run("ethtool", "-K", cable.other, "tx", "off", "rx", "off");
  await foreign.run("ip", "route", "add", "default", "via", ROUTER);
  await router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
  await lab.startSecureServer(...ofServer);
  const { process } = await lab.join(client, "router", ...ofClient);
  await lab.manage("peers", "set", "router", "--route", NETWORK);
  await process.waitFor(/changed this machine's settings/);
  await lab.server.run("ip", "route", "add", NETWORK, "dev", "simplevpn0");
  return Object.assign(lab, {
    foreign,
    router,
    foreignInterface: cable.other,
    client: process,
  });
}

async function assertFaultless(machine: Machine): Promise<void> {
  const counters = await kernelCounters(machine);
  for (const fault of FAULTS) assertEquals(counters[fault], 0, `${fault} of ${machine.namespace}`);
}

const NO_OFFLOAD = ["--no-offload"];

for (
  const [title, ofServer, ofClient] of [
    ["offload at both ends", [], []],
    ["the server cuts for a client without offload", [], NO_OFFLOAD],
    ["the client cuts for a server without offload", NO_OFFLOAD, []],
  ] as const
) {
  await labTest(
    `a foreign kernel finds every checksum right: ${title}`,
    ["python3", "ethtool"],
    async () => {
      await using lab = await openForeignLab([...ofServer], [...ofClient]);
      await startEcho(lab.foreign);
      await tcpFlows(lab.server, FOREIGN, 4);
      await udpFlows(lab.server, FOREIGN, 4, MTU);
      for (const machine of [lab.foreign, lab.router, lab.server]) await assertFaultless(machine);
      // These are the counters of the kernel that all of it came to.
      assert((await kernelCounters(lab.foreign))["Tcp.InSegs"]! > 100);
    },
  );
}

await labTest(
  "what a foreign machine sends, and the router's kernel merges (GRO), arrives whole",
  ["python3", "ethtool"],
  async () => {
    await using lab = await openForeignLab([], []);
    await startEcho(lab.server);
    const before = (await countersOf(lab.client)).packets.from_tun!;
    const { here } = await tcpFlows(lab.foreign, "10.0.0.1", 1);
    const packets = (await countersOf(lab.client)).packets.from_tun! - before;
    assert(packets < here.segments, `${here.segments} segments came as ${packets} packets`);
    await udpFlows(lab.foreign, "10.0.0.1", 4, MTU);
    for (const machine of [lab.foreign, lab.router, lab.server]) await assertFaultless(machine);
  },
);

await labTest(
  "packets on the cable beyond the client have right checksums",
  ["python3", "ethtool", "tcpdump"],
  async () => {
    await using lab = await openForeignLab([], []);
    await startEcho(lab.foreign);
    const file = `${lab.state}/capture`;
    const capture = lab.foreign.start([
      ...["tcpdump", "-Z", "root", "--immediate-mode", "-U", "-i", lab.foreignInterface],
      ...["-Q", "in", "-s", "2000", "-B", "16384", "-w", file, "src", "10.0.0.1"],
    ]);
    await capture.waitFor(/listening on/);
    await tcpFlows(lab.server, FOREIGN, 1);
    await udpFlows(lab.server, FOREIGN, 1, MTU);
    await capture.stop("SIGINT");
    const text = await lab.foreign.run("tcpdump", "-r", file, "-n", "-vv");
    const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
    assertEquals(count(/incorrect|bad udp cksum|bad cksum/g), 0);
    assert(count(/cksum 0x[0-9a-f]+ \(correct\)/g) > 100);
    assert(count(/\[udp sum ok\]/g) > 100);
    assert(count(/length 1500\)/g) > 100, "no packet fills the MTU");
  },
);
