/** Both versions of IP inside, over both versions outside, over TCP and over UDP, and where little passes. */
import { assert, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { eventually } from "./inspection.ts";
import { iperf } from "./iperf.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";

const NETWORK = ["--network", "fd00::/64"];
/** The server inside, and the headers in front of what a ping carries. */
const INSIDE = {
  IPv4: { server: "10.0.0.1", headers: 28 },
  IPv6: { server: "fd00::1", headers: 48 },
} as const;

type Version = keyof typeof INSIDE;

const BYTES = 20_000_000;
/** The last of what iperf3 sends does not count any more, as it seems. */
const ENOUGH = BYTES / 2;

/** What a tunnel goes over, and the longest packets that are sent in it. */
interface Way {
  outside: Version;
  /** Neither lets the ends choose. */
  option?: "--tcp" | "-u";
  /** Longest packets that pass outside, if not those of the interface, as nobody says. */
  longest?: number;
  mtu: number;
}

const WAYS: readonly Way[] = [
  { outside: "IPv4", option: "--tcp", mtu: 1500 },
  { outside: "IPv6", option: "--tcp", mtu: 1500 },
  { outside: "IPv4", option: "-u", mtu: 1434 },
  { outside: "IPv6", option: "-u", mtu: 1414 },
  { outside: "IPv4", option: "-u", longest: 1280, mtu: 1280 },
  { outside: "IPv6", option: "-u", longest: 1280, mtu: 1280 },
  { outside: "IPv6", longest: 1280, mtu: 1280 },
];

for (const way of WAYS) {
  const where = way.longest === undefined ? "" : `, where no more than ${way.longest} bytes pass`;
  await labTest(
    `IPv4 and IPv6 pass in ${way.outside} with ${way.option ?? "either"}${where}`,
    ["iperf3", "nft", "ping"],
    () => assertPasses(way),
  );
}

async function assertPasses(way: Way): Promise<void> {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer(...NETWORK);
  const client = await lab.addClient();
  if (way.longest !== undefined) await narrow(lab, client, way.longest);
  const invite = await lab.invite(client, "pi");
  const host = way.outside === "IPv4" ? client.server : `[${client.server6}]`;
  const process = client.machine.start(
    lab.secureCommand(
      client,
      invite.replace(client.server, host),
      ...way.option === undefined ? [] : [way.option],
    ),
  );
  const { address, address6, tun } = await connected(process);
  const addresses = { IPv4: address, IPv6: address6 };
  const link = (): Promise<string> => client.machine.run("ip", "link", "show", tun);
  assert(
    (await eventually(link, (it) => it.includes(`mtu ${way.mtu} `))).includes(`mtu ${way.mtu} `),
  );
  if (way.longest !== undefined) {
    assertMatch(await lab.server.run("nft", "list", "ruleset"), /counter packets [1-9]/);
  }
  for (const version of ["IPv4", "IPv6"] as const) {
    const { server, headers } = INSIDE[version];
    const size = way.mtu - headers;
    const ways = [[client.machine, server], [lab.server, addresses[version]]] as const;
    for (const [machine, to] of ways) {
      const isAnswered = (): Promise<boolean> => ping(machine, to, size);
      // Each end must find out first that TCP lets nothing through that is so long.
      const patience = way.option === undefined ? 15_000 : 0;
      assert(await eventually(isAnswered, (it) => it, patience), `${to}: ${process.stderr}`);
    }
    for (const direction of [[], ["-R"]]) {
      const options = ["-n", `${BYTES}`, ...direction];
      const { sum_received } = await iperf(client.machine, lab.server, server, ...options);
      assert(sum_received.bytes >= ENOUGH, `${version}: ${sum_received.bytes} bytes`);
    }
  }
}

/**
 * Whether pings with so many bytes are answered, in packets that nobody may cut: one after the other, as
 * ping(8) does not wait for the last of several answers longer than twice as long as for those before.
 */
async function ping(machine: Machine, to: string, size: number): Promise<boolean> {
  for (let i = 0; i < 3; i++) {
    const options = ["-c", "1", "-W", "5", "-M", "do", "-s", `${size}`];
    if (!(await machine.try("ping", ...options, to)).success) return false;
  }
  return true;
}

/** Makes longer packets vanish on a client's cable, both ways, and all that ICMP says of it. */
async function narrow(lab: TunnelLab, client: ClientMachine, longest: number): Promise<void> {
  for (const [machine, device] of [[lab.server, "eth0"], [client.machine, "eth1"]] as const) {
    // Else several datagrams would pass as one packet.
    await machine.run("ip", "link", "set", device, "gso_max_segs", "1");
    await machine.run(
      "nft",
      `table inet narrow { chain in { type filter hook input priority 0;
         iifname != ${device} accept
         meta length > ${longest} counter drop
         meta l4proto icmp drop
         icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert } drop
       }; }`,
    );
  }
}
