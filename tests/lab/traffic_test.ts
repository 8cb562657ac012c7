/** What passes through a tunnel, and what must not. */
import { assert, assertEquals } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { countersOf, eventually } from "./inspection.ts";
import { iperf } from "./iperf.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

const IPV6_SETTINGS = "/proc/sys/net/ipv6/conf";
const PING = ["ping", "-c", "3", "-i", "0.1", "-W", "2"];

await labTest(
  "a client reaches the server through the tunnel, and the server it",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startServer();
    const client = await lab.addClient();
    const { address } = await lab.startClient(client);
    await client.machine.run(...PING, "10.0.0.1");
    await lab.server.run(...PING, address);
  },
);

await labTest("clients reach each other through the server", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const [one, other] = [await lab.addClient(), await lab.addClient()];
  const [{ address: oneAddress }, { address: otherAddress }] = await Promise.all([
    lab.startClient(one),
    lab.startClient(other),
  ]);
  await one.machine.run(...PING, otherAddress);
  await other.machine.run(...PING, oneAddress);
  // The server's own network stack sees none of it.
  assertEquals((await countersOf(server)).packets.to_tun, 0);
});

await labTest("a TCP stream runs through the tunnel, up and down", ["iperf3"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  await lab.startClient(client);
  for (const direction of [[], ["--reverse"]]) {
    const options = ["-n", "20M", ...direction];
    const { sum_received } = await iperf(client.machine, lab.server, "10.0.0.1", ...options);
    // The receiver stops counting when the sender is done, with the last of it still on the way.
    assert(sum_received.bytes >= 10e6, JSON.stringify(sum_received));
  }
});

await labTest("a UDP stream runs from client to client", ["iperf3"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const [one, other] = [await lab.addClient(), await lab.addClient()];
  await lab.startClient(one);
  const { address } = await lab.startClient(other);
  const options = ["-u", "-b", "4M", "-l", "1000", "-n", "500K"];
  const { sum } = await iperf(one.machine, other.machine, address, ...options);
  assert(sum.packets >= 500 && sum.lost_packets <= sum.packets / 20, JSON.stringify(sum));
});

await labTest("packets up to the MTU pass whole, larger ones in fragments", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer("--mtu", "9000");
  const client = await lab.addClient();
  await lab.startClient(client, "--mtu", "9000");
  // The headers of IPv4 and ICMP take 28 bytes.
  await client.machine.run(...PING, "-M", "do", "-s", String(9000 - 28), "10.0.0.1");
  const { success } = await client.machine.try(
    ...PING,
    ...["-M", "do", "-s", String(9000 - 27), "10.0.0.1"],
  );
  assert(!success, "the TUN device took a packet larger than the MTU");
  await client.machine.run(...PING, "-s", "60000", "10.0.0.1");
});

await labTest(
  "a client passes on nothing that has another source than its address",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    const client = await lab.addClient();
    // The kernel itself would send something from an IPv6 address.
    await client.machine.run("sh", "-c", `echo 1 > ${IPV6_SETTINGS}/default/disable_ipv6`);
    const { process, tun } = await lab.startClient(client);
    await client.machine.run("ip", "address", "add", "10.0.9.9/32", "dev", tun);
    const { success } = await client.machine.try(
      ...["ping", "-c", "2", "-i", "0.1", "-W", "0.2", "-I", "10.0.9.9", "10.0.0.1"],
    );
    assert(!success, "an answer came to an address that is not the client's");
    assertEquals((await countersOf(process)).drops.source_address, 2);
    assertEquals((await countersOf(server)).packets.from_peers, 0);
  },
);

await labTest(
  "a client that takes no packets any more delays nobody, and goes on later",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    const [halted, other] = [await lab.addClient(), await lab.addClient()];
    const { process, address } = await lab.startClient(halted);
    const { address: otherAddress } = await lab.startClient(other);
    process.kill("SIGSTOP");
    const flood = floodWith(lab.server, address);
    const { drops } = await eventually(
      () => countersOf(server),
      ({ drops }) => drops.outbox_full! > 0,
    );
    assert(drops.outbox_full! > 0, JSON.stringify(drops));
    await lab.server.run(...PING, otherAddress);
    await flood.stop();
    process.kill("SIGCONT");
    await lab.server.run("ping", "-c", "1", "-w", "10", address);
  },
);

await labTest(
  "a TUN device that somebody takes down works when it is up again",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startServer();
    const client = await lab.addClient();
    const { tun } = await lab.startClient(client);
    await client.machine.run("ip", "link", "set", tun, "down");
    // What the server sends now meets a device that takes nothing.
    const { success } = await lab.server.try("ping", "-c", "1", "-W", "0.2", "10.0.255.254");
    assert(!success, "a device that is down took a packet");
    await client.machine.run("ip", "link", "set", tun, "up");
    await client.machine.run(...PING, "10.0.0.1");
  },
);

/** Sends datagrams to nobody in particular until stopped; each answer would be an ICMP error. */
function floodWith(machine: Machine, address: string): LabProcess {
  const send =
    `const socket = Deno.listenDatagram({ port: 0, transport: "udp", hostname: "0.0.0.0" });
    for (;;) {
      for (let i = 0; i < 50; i++) {
        await socket.send(new Uint8Array(1400), { transport: "udp", hostname: "${address}", port: 9 });
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }`;
  return machine.start([Deno.execPath(), "eval", "--unstable-net", send]);
}
