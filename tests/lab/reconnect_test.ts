/** What a client and the connections inside its tunnel live through. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { eventually } from "./inspection.ts";
import { filter, unfilter } from "./packet_filter.ts";
import { assertFlows, startStream } from "./steady_stream.ts";
import { connected, type ConnectedClient, labTest, TunnelLab } from "./tunnel_lab.ts";

/** Timers so short that a dead path shows within a test. */
const IMPATIENT = ["--keepalive", "0.3", "--timeout", "1.5"];

await labTest("a TCP connection between clients survives a restart of the server", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const [one, other] = [await lab.addClient(), await lab.addClient()];
  const [first, second] = [await lab.startClient(one), await lab.startClient(other)];
  const stream = await startStream(one.machine, first.address, other.machine);
  const from = [first.process.stderr.length, second.process.stderr.length];
  await server.stop();
  await Promise.all([
    first.process.waitFor(/Lost the connection: /, undefined, from[0]),
    second.process.waitFor(/Lost the connection: /, undefined, from[1]),
  ]);
  await lab.startServer();
  assertEquals(await connected(first.process, undefined, from[0]), addressOf(first));
  assertEquals(await connected(second.process, undefined, from[1]), addressOf(second));
  await assertFlows(stream);
});

await labTest("a TCP connection to the server survives its being killed", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const client = await lab.addClient();
  const { process } = await lab.startClient(client);
  const stream = await startStream(lab.server, "10.0.0.1", client.machine);
  const from = process.stderr.length;
  await server.stop("SIGKILL");
  await lab.startServer();
  await connected(process, undefined, from);
  await assertFlows(stream);
});

await labTest("a TCP connection survives a cable that is cut and mended", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const session = await lab.startClient(client, ...IMPATIENT);
  const stream = await startStream(client.machine, session.address, lab.server);
  const from = session.process.stderr.length;
  await cut(lab.server);
  await session.process.waitFor(/Lost the connection: the server was silent/, undefined, from);
  await unfilter(lab.server);
  assertEquals(await connected(session.process, 20_000, from), addressOf(session));
  await assertFlows(stream);
});

await labTest("a client stays connected over a cut shorter than its timeout", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const { process, address } = await lab.startClient(client);
  const stream = await startStream(client.machine, address, lab.server);
  await cut(lab.server);
  // The kernel says that it sends again and again what nobody acknowledges.
  const socket = (): Promise<string> => lab.server.run("ss", "-tin", "sport", "=", ":2002");
  assertMatch(await eventually(socket, (text) => /backoff:/.test(text)), /backoff:[1-9]/);
  await unfilter(lab.server);
  await assertFlows(stream);
  assertEquals(process.stderr.includes("Lost the connection"), false, process.stderr);
});

await labTest("a client that moves to another network comes back to its address", [], async () => {
  await using lab = await TunnelLab.open();
  // The server cannot know that the old connection is dead until it has been silent for so long.
  const server = await lab.startServer("--timeout", "2");
  const client = await lab.addClient();
  const session = await lab.startClient(client, ...IMPATIENT);
  const stream = await startStream(client.machine, session.address, lab.server);
  const from = session.process.stderr.length;
  await lab.lab.cable(lab.server, ["203.0.113.1/30"], client.machine, ["203.0.113.2/30"]);
  await client.machine.run("ip", "link", "set", client.interface, "down");
  await client.machine.run("ip", "route", "add", client.server, "via", "203.0.113.1");
  await session.process.waitFor(/Lost the connection/, undefined, from);
  assertEquals(await connected(session.process, 20_000, from), addressOf(session));
  await server.waitFor(/10\.0\.255\.254 joined from 203\.0\.113\.2/);
  await assertFlows(stream);
});

await labTest(
  "a client leaves a server that is halted, and comes back to it",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    const client = await lab.addClient();
    const session = await lab.startClient(client, ...IMPATIENT);
    const from = session.process.stderr.length;
    server.kill("SIGSTOP");
    await session.process.waitFor(/Lost the connection: the server was silent/, undefined, from);
    server.kill("SIGCONT");
    assertEquals(await connected(session.process, 20_000, from), addressOf(session));
    await client.machine.run("ping", "-c", "1", "-w", "5", "10.0.0.1");
  },
);

await labTest("a client comes back after the server took it for dead", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer("--timeout", "1");
  const client = await lab.addClient();
  const session = await lab.startClient(client, "--keepalive", "0.3");
  const from = session.process.stderr.length;
  session.process.kill("SIGSTOP");
  await server.waitFor(/ left: silent for 1 s/);
  session.process.kill("SIGCONT");
  assertEquals(await connected(session.process, undefined, from), addressOf(session));
  await lab.server.run("ping", "-c", "1", "-w", "5", session.address);
});

await labTest("a client waits for a server that is not there yet", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const process = lab.launchClient(client, "--log-level", "debug");
  // Each reason is told once; that the same attempt failed again is for whoever debugs.
  await process.waitFor(/WARNING No connection to .* \(ECONNREFUSED\); trying on/);
  await process.waitFor(/DEBUG +No connection to .* \(ECONNREFUSED\); trying on/);
  await lab.startServer();
  await connected(process);
  assertEquals(process.stderr.match(/WARNING No connection/g)?.length, 1, process.stderr);
});

/** The part of a connection that must be the same afterwards. */
function addressOf(
  { process: _, ...address }: ConnectedClient,
): Omit<ConnectedClient, "process"> {
  return address;
}

/** Lets nothing through a machine's cables. */
async function cut(machine: Machine): Promise<void> {
  await filter(
    machine,
    'chain in { type filter hook input priority 0; iifname "eth*" drop; }',
    'chain out { type filter hook output priority 0; oifname "eth*" drop; }',
  );
}
