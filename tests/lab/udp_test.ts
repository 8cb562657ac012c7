/** The secure mode over UDP, on the real thing. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type LabProcess, type Machine } from "../../scripts/lab.ts";
import { fromBase64 } from "../../lib/config/base64.ts";
import { toHex } from "../hex.ts";
import { startEcho, tcpFlows } from "./flows.ts";
import { countersOf, eventually } from "./inspection.ts";
import { iperf } from "./iperf.ts";
import { filter } from "./packet_filter.ts";
import { program } from "../../scripts/program.ts";
import { connected, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

const SERVER = "10.0.0.1";
const SERVER6 = "fd00::1";
const NETWORK6 = ["--network", "fd00::/64"];
const PUBKEY = [...program("server", SOURCE), "pubkey"];
const PING = ["ping", "-c", "3", "-i", "0.1", "-W", "2"];
/** The last of what iperf3 sends does not count any more, as it seems. */
const HALF = 0.5;
const SOME_MEGABYTES = ["-n", "20M"];
/** What a flood sends at the least, and at the most a second. */
const FLOOD_LEAST = 100_000;
const FLOOD_RATE = 100_000;
const STEADY = ["-u", "-b", "50M", "-l", "1300", "-t", "2"];
const HOSTILE_PATH = new URL("hostile_path.py", import.meta.url).pathname;
const TOO_BIG = new URL("too_big.py", import.meta.url).pathname;
const FLOOD = new URL("udp_flood.py", import.meta.url).pathname;

/** The port that a client's only UDP socket has. */
async function portOf(machine: Machine): Promise<string> {
  const sockets = await machine.run("ss", "-Hunl");
  return sockets.match(/:(\d+) /)![1]!;
}

/** Asserts that pings pass both ways. */
async function assertReaches(lab: TunnelLab, machine: Machine, address: string): Promise<void> {
  await machine.run(...PING, SERVER);
  await lab.server.run(...PING, address);
}

await labTest("a client joins over UDP, and nothing of it goes over TCP", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer();
  const client = await lab.addClient();
  const { process, address } = await lab.join(client, "pi", "-u");
  assertStringIncludes(process.stderr, `Connected to ${client.server}:2002 over UDP as pi`);
  await assertReaches(lab, client.machine, address);
  const sockets = await lab.server.run("ss", "-Htn", "state", "established");
  assertEquals(sockets.trim(), "");
  await process.stop();
  await server.waitFor(/pi \(10\.0\.0\.2 and .*\) left: it ended the session/);
});

await labTest("with -u the server serves UDP alone, by IPv6 as well", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer("-u");
  assertMatch(server.stderr, /Listening on UDP port 2002/);
  assertEquals((await lab.server.run("ss", "-Htnl")).trim(), "");
  const client = await lab.addClient();
  const invite = (await lab.invite(client, "pi")).replace(client.server, `[${client.server6}]`);
  const process = client.machine.start(lab.secureCommand(client, invite, "-u"));
  const { address, tun } = await connected(process);
  assertStringIncludes(process.stderr, `Connected to [${client.server6}]:2002 over UDP`);
  assertStringIncludes(await client.machine.run("ip", "link", "show", tun), "mtu 1414");
  await assertReaches(lab, client.machine, address);
  await server.waitFor(new RegExp(`joined from ${client.host6}`));
});

await labTest("a client joins over UDP by a link-local address", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await lab.addClient();
  await lab.server.run(..."ip address add fe80::1/64 dev eth0 nodad".split(" "));
  await client.machine.run(..."ip address add fe80::2/64 dev eth1 nodad".split(" "));
  const { process } = await lab.join(client, "pi");
  await process.stop();
  const key = (await lab.server.run("cat", `${lab.state}/server.key`)).trim();
  const shown = await lab.server.run("sh", "-c", `echo ${key} | ${PUBKEY.join(" ")}`);
  const again = client.machine.start(
    lab.secureCommand(client, "-s", "fe80::1%eth1", "--server-key", shown.trim(), "-u"),
  );
  const { address } = await connected(again);
  await assertReaches(lab, client.machine, address);
});

await labTest("a server whose UDP port is taken serves TCP alone, and says so", [], async () => {
  await using lab = await TunnelLab.open();
  const taken = lab.server.start([
    ...["/usr/bin/python3", "-c"],
    "import socket, sys, time; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); " +
    "s.bind(('::', 2002)); print('bound', file=sys.stderr, flush=True); time.sleep(60)",
  ]);
  await taken.waitFor(/bound/);
  const server = await lab.startSecureServer();
  assertMatch(server.stderr, /Cannot listen on UDP port 2002: .*; serving TCP alone/);
  await lab.join(await lab.addClient(), "pi");
});

await labTest("streams pass both ways over UDP, in long packets", ["iperf3"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer(...NETWORK6);
  const client = await lab.addClient();
  const { process } = await lab.join(client, "pi", "-u");
  for (const to of [SERVER, SERVER6]) {
    const up = await iperf(client.machine, lab.server, to, ...SOME_MEGABYTES);
    const before = await countersOf(process);
    const down = await iperf(client.machine, lab.server, to, ...SOME_MEGABYTES, "-R");
    for (const { sum_received } of [up, down]) {
      assert(sum_received.bytes >= HALF * 20e6, `${sum_received.bytes}`);
    }
    // What comes in 15,000 datagrams is handed to the kernel in far fewer packets.
    const { packets } = await countersOf(process);
    const written = packets.to_tun! - before.packets.to_tun!;
    assert(written < 5000, `${written} packets from ${to}`);
  }
  assertEquals((await countersOf(server)).drops.forged ?? 0, 0);
});

for (const [version, server, headers] of [[4, SERVER, 28], [6, SERVER6, 48]] as const) {
  await labTest(
    `IPv${version} packets of other lengths than pass are refused by whom they meet`,
    ["ping"],
    async () => {
      await using lab = await TunnelLab.open();
      await lab.startSecureServer(...NETWORK6);
      const client = await lab.addClient();
      const joined = await lab.join(client, "pi", "-u");
      const address = version === 4 ? joined.address : joined.address6;
      const longest = ["-M", "do", "-s", String(1434 - headers)];
      await client.machine.run(...PING, ...longest, server);
      await lab.server.run(...PING, ...longest, address);
      const longer = ["-M", "do", "-s", String(1435 - headers)];
      const refused = await client.machine.try(...PING, ...longer, server);
      assertMatch(refused.stdout + refused.stderr, /mtu ?[=:]? ?1434/i);
      // Of the server's packets, which has other clients too, the server itself says so.
      const { stdout, stderr } = await lab.server.try(...PING, ...longer, address);
      assertMatch(stdout + stderr, /mtu ?[=:]? ?1434/i);
    },
  );
}

/** The "packet too big" that a packet to an address is answered with, without what is its own. */
async function tooBig(machine: Machine, address: string, length: number): Promise<Uint8Array> {
  const hex = await machine.run("python3", "-B", TOO_BIG, address, String(length));
  const message = Uint8Array.fromHex(hex.trim());
  const [icmp, quote] = [0, 8];
  message.fill(0, icmp + 2, icmp + 4);
  // The quoted packet's flow label, hop limit (the tunnel is one link) and addresses, and its checksum.
  return message.fill(0, quote + 1, quote + 4).fill(0, quote + 7, quote + 40)
    .fill(0, quote + 42, quote + 44);
}

await labTest("the server says that an IPv6 packet is too big as a kernel says it", [
  "python3",
], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer(...NETWORK6);
  const [one, two] = [await lab.addClient(), await lab.addClient()];
  await lab.join(one, "one", "--tcp");
  const { address6 } = await lab.join(two, "two", "-u");
  // Outside, the server's kernel is a router with the same MTU behind it.
  await lab.server.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
  await lab.server.run("ip", "route", "add", `${two.host6}/128`, "dev", "eth2", "mtu", "1434");
  await one.machine.run("ip", "route", "add", `${two.host6}/128`, "via", one.server6);
  for (const length of [1435, 1500]) {
    const ours = await tooBig(one.machine, address6, length);
    const kernels = await tooBig(one.machine, two.host6, length);
    assertEquals(toHex(ours), toHex(kernels));
    assertEquals([ours.length, ours[6]! * 256 + ours[7]!], [1240, 1434]);
  }
});

await labTest("a client that changes address and port keeps its connections", [
  "iperf3",
  "nft",
  "ss",
], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer();
  const client = await lab.addClient();
  const { process } = await lab.join(client, "pi", "-u");
  const { machine } = client;
  const flow = iperf(machine, lab.server, SERVER, "-n", "60M", "-b", "150M");
  await eventually(() => countersOf(process), ({ packets }) => packets.from_tun! > 100);
  // The address is another one, of a network that the server reaches the same way.
  await lab.server.run("ip", "route", "add", "203.0.113.7/32", "dev", "eth0");
  await machine.run("ip", "address", "add", "203.0.113.7/32", "dev", client.interface);
  await machine.run(
    ...["ip", "route", "replace", `${client.server}/32`, "dev", client.interface],
    ...["src", "203.0.113.7"],
  );
  await eventually(() => lab.server.run("ip", "neighbour"), (it) => it.includes("203.0.113.7"));
  // The port is another one, as after a NAT has forgotten.
  const port = await portOf(machine);
  await filter(
    machine,
    "chain out { type filter hook output priority 0; udp dport 2002 udp sport set 45678; }",
    `chain in { type filter hook prerouting priority -400; udp dport 45678 udp dport set ${port}; }`,
  );
  assert((await flow).sum_received.bytes >= HALF * 60e6);
  assertEquals(process.stderr.match(/Lost the connection/), null);
  assertEquals(server.stderr.match(/ left: /), null);
});

await labTest("clients come back when the server is started anew", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const first = await lab.startSecureServer();
  const client = await lab.addClient();
  const { process, address } = await lab.join(client, "pi", "-u");
  await first.stop();
  await process.waitFor(/Lost the connection: the server says that it is stopping/);
  const from = process.stderr.length;
  await lab.startSecureServer();
  await connected(process, 15_000, from);
  await assertReaches(lab, client.machine, address);
});

await labTest("where 3 % of all datagrams are lost, streams go on", ["iperf3", "nft"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await lab.addClient();
  const lossy = "chain in { type filter hook input priority 0; " +
    "meta l4proto udp numgen random mod 100 < 3 drop; }";
  for (const machine of [lab.server, client.machine]) await filter(machine, lossy);
  const { process } = await lab.join(client, "pi", "-u");
  for (const direction of [[], ["-R"]]) {
    const report = await iperf(client.machine, lab.server, SERVER, ...SOME_MEGABYTES, ...direction);
    assert(report.sum_received.bytes >= HALF * 20e6, `${report.sum_received.bytes}`);
  }
  assertEquals(process.stderr.match(/Lost the connection/), null);
});

await labTest(
  "what is replayed, doubled, late or forged on the way comes to nothing",
  ["ping", "python3"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startSecureServer();
    const client = await lab.addClient();
    const { machine } = client;
    const path = machine.start(["python3", "-B", HOSTILE_PATH, "2003", client.server]);
    await path.waitFor(/ready/);
    const invite = (await lab.invite(client, "pi")).replace(
      `${client.server}:2002`,
      "127.0.0.1:2003",
    );
    const process = machine.start(lab.secureCommand(client, invite, "-u"));
    const { address } = await connected(process);
    for (const [from, to] of [[machine, SERVER], [lab.server, address]] as const) {
      // One or two that are held back at the end come too late to count.
      const text = await from.run("ping", "-q", "-c", "300", "-i", "0.005", "-W", "2", to);
      assertMatch(text, /300 packets transmitted, (300|29\d) received, /);
      assertEquals(text.match(/duplicates/), null, text);
    }
    await startEcho(lab.server);
    await tcpFlows(machine, SERVER, 4);
    for (const end of [server, process]) {
      const { drops } = await countersOf(end);
      assert(drops.replayed! > 100 && drops.forged! > 10, JSON.stringify(drops));
    }
    assertEquals(process.stderr.match(/Lost the connection/), null);
    assertEquals(server.stderr.match(/ left: /), null);
  },
);

await labTest("a path that swallows what is longer than 1280 bytes is found out", [
  "iperf3",
  "ping",
], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await lab.addClient();
  // A cable drops what is longer than the other end's MTU without a word.
  await lab.server.run("ip", "link", "set", "eth0", "mtu", "1280");
  const { process, tun, address } = await lab.join(client, "pi", "-u");
  await process.waitFor(/the MTU is 1280 now/, 20_000);
  const { machine } = client;
  await eventually(() => machine.run("ip", "link", "show", tun), (it) => it.includes("mtu 1280"));
  await assertReaches(lab, machine, address);
  for (const direction of [[], ["-R"]]) {
    const report = await iperf(machine, lab.server, SERVER, ...SOME_MEGABYTES, ...direction);
    assert(report.sum_received.bytes >= HALF * 20e6, `${report.sum_received.bytes}`);
  }
});

/** The server's public key, as it says it. */
async function keyOf(server: LabProcess): Promise<string> {
  const [, key] = await server.waitFor(/The server key is ([A-Za-z0-9+/]{43}=)/);
  return toHex(fromBase64(key!, 32));
}

await labTest(
  "a flood of forged datagrams stops no client, and no newcomer",
  ["iperf3"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startSecureServer("--log-level", "debug");
    const [client, attacker] = [await lab.addClient(), await lab.addClient()];
    const { process } = await lab.join(client, "pi", "-u");
    const late = await lab.addClient();
    const invite = (await lab.invite(late, "late")).replace(late.server, `[${late.server6}]`);
    const flood = attacker.machine.start([
      ...["/usr/bin/python3", "-B", FLOOD, attacker.server, await keyOf(server)],
      ...[String(FLOOD_LEAST), String(FLOOD_RATE)],
    ]);
    await flood.waitFor(/begun/);
    // At a rate of its own, so that what arrives does not depend on the machine's speed.
    const { sum } = await iperf(client.machine, lab.server, SERVER, ...STEADY);
    assert(sum.packets > 1000 && sum.lost_packets < 0.2 * sum.packets, JSON.stringify(sum));
    await connected(late.machine.start(lab.secureCommand(late, invite, "-u")), 60_000);
    await flood.stop();
    const [, sent, answered, longest] = flood.stdout.match(
      /sent (\d+) answers (\d+) longest (\d+)/,
    )!;
    assert(Number(sent) >= FLOOD_LEAST, flood.stdout);
    assert(Number(longest) <= 24 && Number(answered) > 0, flood.stdout);
    assertEquals(process.stderr.match(/Lost the connection/), null);
    const { drops } = await countersOf(server);
    assert(drops.refused! + drops.flood! > FLOOD_LEAST / 2, JSON.stringify(drops));
    assert(server.stderr.split("\n").length < 2000, "There is no line per datagram");
  },
);
