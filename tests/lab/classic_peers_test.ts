/** Our programs with programs that behave as the C ones of 2013 do. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { countersOf } from "./inspection.ts";
import { iperf } from "./iperf.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";

const FOLDER = new URL(".", import.meta.url).pathname;
const PING = ["ping", "-c", "3", "-i", "0.1", "-W", "2"];

/** Slow enough for programs that need each packet to come alone. */
const UDP = ["-u", "-b", "2M", "-l", "1000", "-n", "250K"];

/** Compiles one of the C programs into the lab's own folder. */
async function compile(lab: TunnelLab, name: "server" | "client"): Promise<string> {
  const program = `${lab.lab.folder}/classic_c_${name}`;
  const warnings = ["-Wall", "-Wextra", "-Werror"];
  const source = `${FOLDER}classic_c_${name}.c`;
  await lab.server.run("gcc", ...warnings, "-O1", "-pthread", "-o", program, source);
  return program;
}

async function startCServer(lab: TunnelLab, ...options: string[]): Promise<LabProcess> {
  const process = lab.server.start([await compile(lab, "server"), ...options]);
  await process.waitFor(/Listening/);
  return process;
}

/** Starts a C client and waits for its address. */
async function startCClient(
  lab: TunnelLab,
  client: ClientMachine,
  ...options: string[]
): Promise<{ process: LabProcess; address: string }> {
  const program = await compile(lab, "client");
  const process = client.machine.start([program, "-s", client.server, ...options]);
  const [, address] = await process.waitFor(/Connected: (\S+)/);
  return { process, address: address! };
}

/** Waits until a program has said something so many times. */
async function waitForEach(process: LabProcess, pattern: RegExp, times: number): Promise<void> {
  for (let i = 0, from = 0; i < times; i++) {
    const match = await process.waitFor(pattern, undefined, from);
    from += match.index! + match[0].length;
  }
}

async function assertUdpArrives(from: Machine, to: Machine, address: string): Promise<void> {
  const { sum } = await iperf(from, to, address, ...UDP);
  // Of packets that come together a C program takes the first alone: half of these would be lost
  // if our programs let TCP join them.
  assert(sum.packets >= 250 && sum.lost_packets <= sum.packets / 4, JSON.stringify(sum));
}

const NEEDS = ["gcc", "ping"];
const MEASURED = [...NEEDS, "iperf3"];

await labTest("our server serves a C client that asks for any address", MEASURED, async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const { address } = await startCClient(lab, client);
  assertEquals(address, "10.0.255.254");
  await client.machine.run(...PING, "10.0.0.1");
  await lab.server.run(...PING, address);
  await assertUdpArrives(client.machine, lab.server, "10.0.0.1");
  await assertUdpArrives(lab.server, client.machine, address);
});

await labTest("TCP streams run between our server and a C client", MEASURED, async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const { address } = await startCClient(lab, client);
  const up = await iperf(client.machine, lab.server, "10.0.0.1", "-n", "20M");
  assert(up.sum_received.bytes >= 10e6, JSON.stringify(up.sum_received));
  // Far slower: TCP has to send again whatever came to the C client together.
  const down = await iperf(lab.server, client.machine, address, "-n", "1M");
  assert(down.sum_received.bytes >= 0.1e6, JSON.stringify(down.sum_received));
});

await labTest("our server gives a C client the address that it asks for", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const [client, other] = [await lab.addClient(), await lab.addClient()];
  const { address } = await startCClient(lab, client, "-a", "10.0.7.7");
  assertEquals(address, "10.0.7.7");
  await client.machine.run(...PING, "10.0.0.1");
  await lab.server.run(...PING, "10.0.7.7");

  const program = await compile(lab, "client");
  const late = await other.machine.try(program, "-s", other.server, "-a", "10.0.7.7");
  assertEquals(late.stderr.trim(), "classic_c_client: the address 10.0.7.7 is refused");
  await server.waitFor(/Refused 10\.0\.7\.7/);
  await client.machine.run(...PING, "10.0.0.1");
});

await labTest("our server adopts a client that never asks for its address", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const client = await lab.addClient();
  await startCClient(lab, client, "-q", "-a", "10.0.8.8");
  await client.machine.run(...PING, "10.0.0.1");
  await server.waitFor(/10\.0\.8\.8 joined from .* \(adopted\)/);
  await lab.server.run(...PING, "10.0.8.8");
});

await labTest("our server's answers keep an idle C client connected", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer("--timeout", "3");
  const client = await lab.addClient();
  const { process, address } = await startCClient(lab, client, "-k", "500");
  await waitForEach(process, /Alive/, 8);
  assert(!server.stderr.includes("left"), server.stderr);
  await lab.server.run(...PING, address);
});

await labTest("a C client comes back to our server after a restart", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const client = await lab.addClient();
  const { process, address } = await startCClient(lab, client);
  await server.stop();
  await process.waitFor(/Disconnected/);
  await lab.startServer();
  await process.waitFor(new RegExp(`Disconnected[^]*Connected: ${address}`));
  await client.machine.run(...PING, "10.0.0.1");
});

await labTest("a C client and ours reach each other through our server", MEASURED, async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const [theirs, ours] = [await lab.addClient(), await lab.addClient()];
  for (const options of [[[], []], [["-a", "10.0.7.7"], ["-a", "10.0.9.9"]]] as const) {
    const { process, address } = await startCClient(lab, theirs, ...options[0]);
    const client = await lab.startClient(ours, ...options[1]);
    await theirs.machine.run(...PING, client.address);
    await ours.machine.run(...PING, address);
    await assertUdpArrives(theirs.machine, ours.machine, client.address);
    await assertUdpArrives(ours.machine, theirs.machine, address);
    await Promise.all([process.stop(), client.process.stop()]);
  }
});

await labTest("our clients reach each other through a C server", MEASURED, async () => {
  await using lab = await TunnelLab.open();
  await startCServer(lab);
  const [one, other] = [await lab.addClient(), await lab.addClient()];
  const dynamic = await lab.startClient(one);
  const fixed = await lab.startClient(other, "-a", "10.0.7.7");
  assertEquals([dynamic.address, fixed.address], ["10.0.254.254", "10.0.7.7"]);
  await one.machine.run(...PING, fixed.address);
  // The reply that the server sent a second time.
  assertEquals((await countersOf(dynamic.process)).drops.stray_control, 1);
  await other.machine.run(...PING, dynamic.address);
  await assertUdpArrives(one.machine, other.machine, fixed.address);
  await assertUdpArrives(other.machine, one.machine, dynamic.address);
});

await labTest("a C client and ours reach each other through a C server", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  await startCServer(lab);
  const [theirs, ours] = [await lab.addClient(), await lab.addClient()];
  const { address } = await startCClient(lab, theirs);
  const client = await lab.startClient(ours);
  assertNotEquals(client.address, address);
  await theirs.machine.run(...PING, client.address);
  await ours.machine.run(...PING, address);
});

await labTest("our client ends when a C server refuses its address", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  await startCServer(lab);
  const [one, other] = [await lab.addClient(), await lab.addClient()];
  await lab.startClient(one, "-a", "10.0.7.7");
  const late = lab.launchClient(other, "-a", "10.0.7.7");
  await late.waitFor(/The server refused the address 10\.0\.7\.7/);
  assertEquals((await late.status).code, 1);
});

await labTest("our client's keepalives keep it connected to a C server", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  const server = await startCServer(lab, "-t", "3000");
  const client = await lab.addClient();
  const { process } = await lab.startClient(client, "--keepalive", "0.5", "--timeout", "3");
  await waitForEach(server, /Keepalive of 10\.0\.254\.254/, 8);
  assert(!server.stderr.includes("Lost"), server.stderr);
  assert(!process.stderr.includes("Lost"), process.stderr);
});

await labTest("our client comes back to a C server after a restart", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  const server = await startCServer(lab);
  const [one, other] = [await lab.addClient(), await lab.addClient()];
  const { process, address } = await lab.startClient(one);
  const begun = process.stderr.length;
  await server.stop();
  await process.waitFor(/Lost the connection/);
  await startCServer(lab);
  assertEquals((await connected(process, undefined, begun)).address, address);
  await lab.startClient(other);
  await other.machine.run(...PING, address);
});
