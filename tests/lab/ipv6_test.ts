/** IPv6 inside the tunnel: addresses, packets between all ends, and machines that have none of it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { startEcho, tcpFlows, udpFlows } from "./flows.ts";
import { assertOneLine, countersOf, ending, eventually, networkState } from "./inspection.ts";
import { connected, type ConnectedClient, labTest, TunnelLab } from "./tunnel_lab.ts";

const NETWORK = "fd12:3456:789a::/64";
const SERVER = "fd12:3456:789a::1";
const NETWORK_OPTION = ["--network", NETWORK];

/** Pings once a tenth of a second. @throws {Error} if no answer comes */
function ping(machine: Machine, to: string, ...options: string[]): Promise<string> {
  return machine.run("ping", "-c", "3", "-i", "0.1", "-W", "2", ...options, to);
}

/** A lab with a server and some clients, and the words with which the server began. */
async function openLab(
  clients: number,
  ...options: string[]
): Promise<{ lab: TunnelLab; joined: (ConnectedClient & { machine: Machine })[] }> {
  const lab = await TunnelLab.open();
  try {
    await lab.startSecureServer(...options);
    const joined = [];
    for (let i = 0; i < clients; i++) {
      const client = await lab.addClient();
      joined.push({ machine: client.machine, ...await lab.join(client, `peer${i + 1}`, "--tcp") });
    }
    return { lab, joined };
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
}

await labTest(
  "IPv6 passes between a server and its clients, and among these",
  ["ping"],
  async () => {
    const { lab, joined: [one, two] } = await openLab(2, ...NETWORK_OPTION);
    await using _ = lab;
    assertEquals([one!.address6, two!.address6], [2, 3].map((n) => `fd12:3456:789a::${n}`));
    await ping(one!.machine, SERVER);
    await ping(lab.server, one!.address6);
    await ping(one!.machine, two!.address6);
    // A packet that fills the MTU, by the sender's own word of it.
    await ping(two!.machine, one!.address6, "-M", "do", "-s", `${1500 - 48}`);
    const list = await lab.manage("peers", "list");
    assertMatch(list, /peer1 +10\.0\.0\.2, fd12:3456:789a::2 /);
    const json = JSON.parse(await lab.manage("peers", "show", "peer2", "--json"));
    assertEquals([json.address, json.address6], ["10.0.0.3", "fd12:3456:789a::3"]);
  },
);

await labTest("TCP and UDP over IPv6 travel in super-packets, both ways", ["python3"], async () => {
  const { lab, joined: [one, two] } = await openLab(2, ...NETWORK_OPTION);
  await using _ = lab;
  await startEcho(lab.server);
  await startEcho(two!.machine);
  for (const to of [SERVER, two!.address6]) {
    const before = (await countersOf(one!.process)).packets;
    const { here, there } = await tcpFlows(one!.machine, to, 1);
    const after = (await countersOf(one!.process)).packets;
    assert(after.from_tun! - before.from_tun! < here.segments, JSON.stringify(here));
    assert(after.to_tun! - before.to_tun! < there.segments, JSON.stringify(there));
    await udpFlows(one!.machine, to, 4, 1500);
  }
});

await labTest(
  "the random network stays over a restart, and the addresses with it",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    const first = await lab.startSecureServer();
    const { process, address6 } = await lab.join(client, "pi");
    assertMatch(address6, /^fd[0-9a-f]{2}:[0-9a-f:]+::2$/);
    await first.stop("SIGTERM");
    const from = process.stderr.length;
    await lab.startSecureServer();
    await process.waitFor(new RegExp(`this machine is 10.0.0.2 and ${address6} in`), 20_000, from);
    await ping(client.machine, address6.replace(/2$/, "1"));
  },
);

await labTest(
  "the server takes no IPv6 source that is not the sender's",
  ["ping", "python3"],
  async () => {
    const { lab, joined: [one, two] } = await openLab(2, ...NETWORK_OPTION);
    await using _ = lab;
    const spoofed = ["fd12:3456:789a::77", "2001:db8:99::1", two!.address6];
    for (const source of spoofed.slice(0, 2)) {
      await one!.machine.run("ip", "address", "add", `${source}/128`, "dev", one!.tun, "nodad");
      const { success } = await one!.machine.try(
        "ping",
        "-c",
        "1",
        "-W",
        "1",
        "-I",
        source,
        SERVER,
      );
      assert(!success, `${source} got an answer`);
    }
    const { drops } = await countersOf(one!.process);
    assertEquals(drops.source_address, 2);
  },
);

await labTest(
  "isolated clients reach the server by IPv6, and not each other",
  ["ping"],
  async () => {
    const { lab, joined: [one, two] } = await openLab(2, ...NETWORK_OPTION, "--isolate");
    await using _ = lab;
    await ping(one!.machine, SERVER);
    const { success } = await one!.machine.try("ping", "-c", "1", "-W", "1", two!.address6);
    assert(!success);
  },
);

await labTest(
  "IPv6 networks behind a peer and behind the server are routed",
  ["ping"],
  async () => {
    const { lab, joined: [one] } = await openLab(
      1,
      ...NETWORK_OPTION,
      "--route",
      "2001:db8:a::/64",
    );
    await using _ = lab;
    await lab.server.run("ip", "address", "add", "2001:db8:a::1/64", "dev", "lo", "nodad");
    await ping(one!.machine, "2001:db8:a::1");
    await one!.machine.run("ip", "address", "add", "2001:db8:b::1/64", "dev", "lo", "nodad");
    await lab.manage("peers", "set", "peer1", "--route", "2001:db8:b::/64");
    await one!.process.waitFor(/changed this machine's settings/);
    await ping(lab.server, "2001:db8:b::1");
  },
);

for (const whose of ["server", "client"] as const) {
  await labTest(
    `a ${whose} whose machine has no IPv6 says so once, and has IPv4`,
    ["ping"],
    async () => {
      await using lab = await TunnelLab.open();
      const client = await lab.addClient();
      const machine = whose === "server" ? lab.server : client.machine;
      await machine.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
      const server = await lab.startSecureServer(...NETWORK_OPTION, "--route", "2001:db8:a::/64");
      const { process, address6 } = await lab.join(client, "pi");
      assertEquals(address6, "");
      await ping(client.machine, "10.0.0.1");
      // A change of the settings makes the client configure its interface anew.
      await lab.manage("peers", "set", "pi", "--address", "10.0.0.9");
      await process.waitFor(/changed this machine's settings/);
      const told = (whose === "server" ? server : process).stderr.match(/goes without IPv6: .*/g);
      assertEquals(told?.length, 1, `${told}`);
      const other = whose === "server" ? process : server;
      assert(!other.stderr.includes("without IPv6"));
    },
  );
}

await labTest("with an MTU below 1280 the tunnel carries IPv4 alone", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const [one, two] = [await lab.addClient(), await lab.addClient()];
  const first = await lab.startSecureServer("--mtu", "1279");
  assertMatch(first.stderr, /goes without IPv6: it needs an MTU of 1280/);
  assertEquals((await lab.join(one, "one")).address6, "");
  await first.stop("SIGTERM");
  await lab.startSecureServer("--mtu", "1280");
  const { process, address6 } = await lab.join(two, "two", "--mtu", "1279");
  assertEquals(address6, "");
  assertMatch(process.stderr, /goes without IPv6: it needs an MTU of 1280/);
  await ping(two.machine, "10.0.0.1");
});

await labTest("--no-ipv6 makes a tunnel of IPv4 alone", ["ping"], async () => {
  const { lab, joined: [one] } = await openLab(1, "--no-ipv6");
  await using _ = lab;
  assertEquals(one!.address6, "");
  await ping(one!.machine, "10.0.0.1");
  assert(!(await lab.server.run("ip", "-6", "route")).includes("fd"));
});

await labTest("a network that another interface has is refused in one line", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.addClient();
  const server = lab.server.start([
    ...lab.serverCommand("--network", "2001:db8::/32").filter((word) => word !== "--classic"),
  ]);
  assertOneLine(await ending(server), 1, /eth0 has 2001:db8:1::1\/64, which overlaps it/);
});

await labTest(
  "what kernels send of their own accord fills no log and passes no tunnel",
  [],
  async () => {
    const { lab, joined: [one, two] } = await openLab(2, ...NETWORK_OPTION, "--log-level", "debug");
    await using _ = lab;
    const drops = await eventually(
      async () => (await countersOf(one!.process)).drops,
      ({ multicast = 0 }) => multicast > 0,
    );
    // Router solicitations and reports of groups, and nothing that looks like a lie.
    assertEquals(Object.keys(drops), ["multicast"]);
    assertEquals((await countersOf(two!.process)).packets.to_tun, 0);
    assert(!/ff02|fe80/.test(one!.process.stderr));
  },
);

await labTest(
  "two clients on one machine are both reached by IPv6, and leave nothing",
  ["ping"],
  async () => {
    const { lab } = await openLab(0, ...NETWORK_OPTION);
    await using _ = lab;
    const client = await lab.addClient();
    const before = await networkState(client.machine);
    const processes = [];
    for (const name of ["one", "two"]) {
      const invite = await lab.invite(client, name);
      const state = ["--state", `${lab.lab.folder}/${name}`];
      processes.push(client.machine.start(lab.secureCommand(client, ...state, invite)));
    }
    const ends = await Promise.all(processes.map((process) => connected(process)));
    for (const { address6 } of ends) {
      await ping(lab.server, address6);
      await ping(client.machine, SERVER, "-I", address6);
    }
    for (const process of processes) await process.stop("SIGTERM");
    assertEquals(await networkState(client.machine), before);
  },
);
