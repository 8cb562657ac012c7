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

const NETWORKS = ["192.168.7.0/24", "2001:db8:7:7::/64"];
const ROUTERS = ["192.168.7.1", "2001:db8:7:7::1"];
const SERVERS = ["10.0.0.1", "fd00::1"];
/** The foreign machine's addresses, IPv4 and IPv6. */
const FOREIGN = ["192.168.7.2", "2001:db8:7:7::2"];
const MTU = 1500;

/** Counters of packets that a kernel found faults with; TCP's are of both versions of IP. */
const FAULTS = [
  "Ip.InHdrErrors",
  "Ip6InHdrErrors",
  "Tcp.InCsumErrors",
  "Tcp.InErrs",
  "Udp.InCsumErrors",
  "Udp.InErrors",
  "Udp6InCsumErrors",
  "Udp6InErrors",
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
  const within = (addresses: string[]): string[] =>
    addresses.map((address, i) => `${address}/${NETWORKS[i]!.split("/")[1]}`);
  // For what it forwards a router asks for neighbours by its link-local address, and else not at all.
  const ofRouter = [...within(ROUTERS), "fe80::1/64"];
  const cable = await lab.lab.cable(router, ofRouter, foreign, within(FOREIGN));
  // A sender that leaves no checksum to its cable, so that the receiver has to look at it.
  await router.run("ethtool", "-K", cable.one, "tx", "off", "rx", "off");
  // One that merges what it receives: so there are super-packets to forward that way, too.
  await router.run("ethtool", "-K", cable.one, "gro", "on");
  await foreign.run("ethtool", "-K", cable.other, "tx", "off", "rx", "off");
  for (const gateway of ROUTERS) await foreign.run("ip", "route", "add", "default", "via", gateway);
  for (const setting of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
    await router.run("sh", "-c", `echo 1 > /proc/sys/net/${setting}`);
  }
  await lab.startSecureServer("--network", "fd00::/64", ...ofServer);
  const { process } = await lab.join(client, "router", "--tcp", ...ofClient);
  const routes = NETWORKS.flatMap((network) => ["--route", network]);
  await lab.manage("peers", "set", "router", ...routes);
  await process.waitFor(/changed this machine's settings/);
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
      for (const address of FOREIGN) {
        await tcpFlows(lab.server, address, 4);
        await udpFlows(lab.server, address, 4, MTU);
      }
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
    for (const address of SERVERS) {
      const before = (await countersOf(lab.client)).packets.from_tun!;
      const { here } = await tcpFlows(lab.foreign, address, 1);
      const packets = (await countersOf(lab.client)).packets.from_tun! - before;
      assert(packets < here.segments, `${here.segments} segments came as ${packets} packets`);
      await udpFlows(lab.foreign, address, 4, MTU);
    }
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
      ...["-Q", "in", "-s", "2000", "-B", "16384", "-w", file],
      ...SERVERS.flatMap((address, i) => [...i > 0 ? ["or"] : [], "src", address]),
    ]);
    await capture.waitFor(/listening on/);
    for (const address of FOREIGN) {
      await tcpFlows(lab.server, address, 1);
      await udpFlows(lab.server, address, 1, MTU);
    }
    await capture.stop("SIGINT");
    const text = await lab.foreign.run("tcpdump", "-r", file, "-n", "-vv");
    const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
    assertEquals(count(/incorrect|bad udp cksum|bad cksum/g), 0);
    for (const version of ["IP ", "IP6 "]) {
      // Packets of IPv4 are described in two lines, those of IPv6 in one.
      const packets = text.split(/^(?=\S)/m).filter((packet) => packet.includes(` ${version}`));
      const ones = (pattern: RegExp): number => packets.filter((it) => pattern.test(it)).length;
      assert(ones(/cksum 0x[0-9a-f]+ \(correct\)/) > 100);
      assert(ones(/\[udp sum ok\]/) > 100);
      // tcpdump says the length of the whole packet for IPv4, and of the payload for IPv6.
      assert(ones(/length:? (1500|1460)\)/) > 100, "no packet fills the MTU");
    }
  },
);
