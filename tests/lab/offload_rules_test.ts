/** Kernels differ in what a TUN device can leave to its reader: what we make of that. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { program } from "../../scripts/program.ts";
import { startEcho, tcpFlows, udpFlows } from "./flows.ts";
import { countersOf } from "./inspection.ts";
import { labTest, SOURCE, TUN_PROBE, TunnelLab } from "./tunnel_lab.ts";

const OLDER_KERNEL = ["python3", new URL("older_kernel.py", import.meta.url).pathname];

// linux/if_tun.h
const CSUM = 0x01;
const TSO = 0x02 | 0x04;
const TSO_ECN = 0x08;
const USO = 0x20 | 0x40;
const EVERYTHING = 0x7fff_ffff;

await labTest(
  "TUNSETOFFLOAD: of what the kernel accepts, the largest set is chosen",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const sets = [CSUM | TSO | TSO_ECN | USO, CSUM | TSO | USO, CSUM | TSO | TSO_ECN, CSUM | TSO];
    const unknown = CSUM | TSO | 0x4000_0000;
    const text = await lab.server.run(...TUN_PROBE, "offloads", ...[...sets, unknown].map(String));
    const { answers, offload } = JSON.parse(text) as { answers: number[]; offload: string };
    const best = answers.indexOf(0);
    assertEquals(offload, best >= 0 && sets[best]! & USO ? "tcp+udp" : "tcp");
    // Probing makes sense only since a kernel says no to what it does not know.
    assertNotEquals(answers.at(-1), 0);
  },
);

for (
  const [title, lacking, givesSuperPackets] of [
    ["UDP segmentation (before 6.2)", USO, true],
    ["ECN and UDP segmentation", USO | TSO_ECN, true],
    ["all of it, but not GSO writes, which need none", EVERYTHING, false],
  ] as const
) {
  await labTest(
    `TUNSETOFFLOAD: a server works on a kernel that lacks ${title}`,
    ["python3"],
    async () => {
      await using lab = await TunnelLab.open();
      const client = await lab.addClient();
      const options = ["--state", lab.state, "--log-level", "debug"];
      const server = lab.server.start(
        [...OLDER_KERNEL, String(lacking), ...program("server", SOURCE), ...options],
      );
      await server.waitFor(/Listening on/);
      await server.waitFor(/leaves checksums and tcp segmentation/);
      await lab.join(client, "pi", "--tcp");
      await startEcho(lab.server);
      const before = (await countersOf(server)).packets;
      const { here, there } = await tcpFlows(client.machine, "10.0.0.1", 1);
      const after = (await countersOf(server)).packets;
      assert(after.to_tun! - before.to_tun! < here.segments, "no super-packet was written");
      const fewer = after.from_tun! - before.from_tun! < there.segments;
      assertEquals(fewer, givesSuperPackets);
      await udpFlows(client.machine, "10.0.0.1", 4, 1500);
      assertEquals((await countersOf(server)).drops.tun_refused ?? 0, 0);
    },
  );
}

/** Sends datagrams of some bytes, each with its number first, in one call (UDP_SEGMENT); takes as many. */
const SEND_TOGETHER = `import socket, sys
address, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.IPPROTO_UDP, 103, size)
sender.sendto(b"".join(bytes([i]) * size for i in range(count)), (address, 7777))`;
const TAKE = `import socket, sys
count, size = int(sys.argv[1]), int(sys.argv[2])
taker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taker.bind(("0.0.0.0", 7777))
taker.settimeout(5)
print("ready", file=sys.stderr, flush=True)
came = [taker.recv(9000) for i in range(count)]
assert came == [bytes([i]) * size for i in range(count)]
print("whole", file=sys.stderr, flush=True)`;

for (const carrier of ["--tcp", "-u"]) {
  await labTest(
    `as many datagrams as a kernel sends in one call arrive, and in order (${carrier})`,
    ["python3"],
    async () => {
      await using lab = await TunnelLab.open();
      const client = await lab.addClient();
      await lab.startSecureServer();
      await lab.join(client, "pi", carrier);
      for (const [count, size] of [[64, 400], [65, 400], [100, 10], [128, 7], [128, 500]]) {
        const numbers = [String(count), String(size)];
        const taker = lab.server.start(["python3", "-c", TAKE, ...numbers]);
        await taker.waitFor(/ready/);
        const sender = ["python3", "-c", SEND_TOGETHER, "10.0.0.1", ...numbers];
        const { stderr } = await client.machine.try(...sender);
        // Before Linux 6.2 or so the sender's kernel takes 64 itself.
        if (count! > 64 && stderr.includes("Invalid argument")) {
          await taker.stop();
          continue;
        }
        await taker.waitFor(/whole/);
        await taker.status;
      }
    },
  );
}

for (const options of [[], ["--no-offload"]]) {
  await labTest(
    `the longest packet fits into every buffer${options.map((option) => ` (${option})`).join("")}`,
    ["ping"],
    async () => {
      await using lab = await TunnelLab.open();
      const client = await lab.addClient();
      await lab.startSecureServer("--mtu", "65535", ...options);
      const { address } = await lab.join(client, "pi", "--tcp", ...options);
      // The headers of IPv4 and ICMP take 28 bytes.
      const ping = ["ping", "-c", "2", "-i", "0.1", "-W", "2", "-M", "do", "-s", `${65_535 - 28}`];
      await client.machine.run(...ping, "10.0.0.1");
      await lab.server.run(...ping, address);
    },
  );
}

await labTest(
  "both TUN devices have one MTU, and longer queues than 500",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    await lab.startSecureServer("--mtu", "1337");
    const { tun } = await lab.join(client, "pi", "--tcp");
    for (const [machine, device] of [[lab.server, "simplevpn0"], [client.machine, tun]] as const) {
      const setting = async (name: string): Promise<number> =>
        Number(await machine.run("cat", `/sys/class/net/${device}/${name}`));
      assertEquals(await setting("mtu"), 1337);
      assert(await setting("tx_queue_len") > 500);
    }
  },
);
